"""Cases for developers: one that is ready to go, one that the developers ask about, one that could not be built."""

from typing import Any


def cases() -> None:
    """Three cases of the open P1 as they stand on screens."""
    from mainstay.core import clock
    from mainstay.learn.escalation.bundle import INDEX, pack
    from mainstay.learn.escalation.models import Escalation, EscalationFile
    from mainstay.respond.incidents.models import Incident

    incident, now = Incident.objects.order_by("pk")[4], clock.now()
    base = {"incident": incident, "asked_name": "Ana", "asked_at": now}
    built = {**base, "built_at": now, "seconds": 4.2, "size": 1_730_000, "digest": "0" * 64, "summary": SUMMARY}
    ready = Escalation.objects.create(**built, state="ready")
    page = b"<!doctype html><html lang=en><title>Case</title><h1>Case</h1>"
    EscalationFile.objects.create(escalation=ready, content=pack({INDEX: page}, now), kept_until=now)
    asked = Escalation.objects.create(
        **built, state="asked", team_name="Payments", sent_name="Ana", sent_at=now, told=2, said_at=now
    )
    for who, text in (
        ("Ana", "ESC-2 handed over to Payments by Ana"),
        ("dev", f"ESC-2: needs information, says dev: {LONG}"),
    ):
        asked.notes.create(at=now, who=who, text=text)
    Escalation.objects.create(**base, state="broken", problem="the engine does not answer")


LONG = "the-client-version-and-a-heap-dump-of-payments-2.internal.example.com/at/the/time"
SUMMARY: dict[str, Any] = {
    "title": "Payments answers with errors",
    "glance": [
        ["What broke", f"Payments answers with errors, seen at payments. Most likely to blame: payments (81%). {LONG}"],
        ["Verify a fix", 'the rule payment-error-ratio: sum(rate(http_requests_total{code=~"5.."}[5m])) gives nothing'],
    ],
    "lacks": [
        ["no ids of what was hit", "pin a query that lists them: Examine data on the incident"],
        ["nothing was tried, or nobody wrote it down", "write into the log what was tried"],
    ],
    "cut": ["logs.ndjson holds 50,000 of 200,000 lines, evenly, errors and warnings before others"],
    "taken_out": {"email": 12, "secret": 3},
    "counts": {"queries": 5, "graphs": 4, "versions": 2, "differences": 3, "patterns": 12, "ids": 40},
}
