"""A drill that has ended, one that goes on, and a cause that somebody confirmed, for the screens."""

from datetime import timedelta


def drills() -> None:
    """Ben has practised the disk; Ana looks for the database."""
    from mainstay.core import access, clock
    from mainstay.core.models import Person
    from mainstay.learn.diagnosis import confirmed
    from mainstay.learn.drills import services
    from mainstay.learn.drills.entry import entry_of
    from mainstay.learn.drills.models import Drill, Look
    from mainstay.learn.drills.scenarios import SHOP

    now = clock.now()
    by_key = {one.key: one for one in SHOP}

    def drill(key: str, who: str, minutes: int) -> Drill:
        person = Person.objects.get(email=f"{who}@example.com")
        began = now - timedelta(minutes=minutes)
        about = {"person": person, "person_name": str(person), "asked_at": began, "began_at": began}
        return Drill.objects.create(
            scenario=key, asked=entry_of(by_key[key]), state="running", wanted="", hints=1, **about
        )

    over = drill("release-under-suspicion", "ben", 40)
    for place, path in enumerate(("/", "/i/5", "/logs?query=service%3Apayments")):
        Look.objects.create(drill=over, at=now - timedelta(minutes=30 - place), path=path)
    for place, service in enumerate(("stock", "payments")):
        at = (now - timedelta(minutes=25 - place)).isoformat()
        over.answers.append({"at": at, "service": service, "right": service == "payments"})
    over.why_ended = "found and restored"
    services.write_debrief(over, now - timedelta(minutes=10))
    drill("slow-database", "ana", 2)
    confirmed.confirm(access.LOCAL, 5, "payments", note="The acquirer said so.")
