"""A problem that is proposed, one that is verified, a tracker that did not take an issue, and what is alike."""

from collections.abc import Sequence
from datetime import timedelta

from mainstay.core import clock
from mainstay.core.access import LOCAL


def problems() -> None:
    """As the worker and a person leave them."""
    from mainstay.learn.problems import actions, loop, reviews, services
    from mainstay.learn.problems.services import Fix, Wanted
    from mainstay.respond.incidents.models import Incident

    rows = list(Incident.objects.order_by("pk")[:5])
    worker = loop.Problems()
    for row in rows:
        worker.compare(row)
    services.propose(LOCAL, [row.pk for row in rows[:3]], "3 times in 30 days: the same alert at the same place")
    second = services.create(LOCAL, Wanted("Payments time out", [rows[4].pk], "KE-31", cause="A timeout of 35 ms."))
    services.plan_fix(LOCAL, second.pk, Fix(version="4.2", text="a timeout as long as the provider's"))
    services.verify(LOCAL, second.pk)
    reviews.draft(LOCAL, second.pk)
    services.comment(LOCAL, second.pk, "A long word: " + "payments-provider-timeout-" * 6)
    due = (clock.now() - timedelta(days=5)).date()
    wanted = actions.Wanted("Take the timeout of the provider as ours", "prevent", "ana@example.com", due)
    late = actions.create(LOCAL, second.pk, wanted)
    trackers()
    actions.track(LOCAL, late.pk, "pay")


def trackers() -> None:
    """One tracker, and an issue that it did not take."""
    from mainstay.learn.trackers import services
    from mainstay.learn.trackers.models import Issue

    place = {"kind": "jira", "address": "https://acme.example", "project": "PAY", "user": "", "secret": "pay-token"}
    more = {"hook_secret": "pay-hook", "api": "3", "issue_type": "Bug", "labels": [], "states": {}, "enabled": True}
    entry = {"key": "pay", "name": "Payments", **place, **more, "services": ["payments"], "teams": []}
    services.save(LOCAL, entry, "trackers.yaml")
    wanted = services.Wanted("problem", "2", "Payments time out", "Since 4.1.", "/problems/2")
    issue = services.open_issue(LOCAL, services.tracker_of(LOCAL, "pay"), wanted)
    Issue.objects.filter(pk=issue.pk).update(trouble="Make the issue: HTTP 401: it does not know the token")


def many(count: int, numbers: Sequence[int]) -> None:
    """As many problems, each with an incident of its own."""
    from mainstay.learn.problems import actions, services
    from mainstay.learn.problems.services import Wanted

    for number in range(count):
        made = services.create(LOCAL, Wanted(f"Problem {number}", [numbers[number % len(numbers)]]))
        due = clock.now().date()
        actions.create(LOCAL, made.pk, actions.Wanted(f"Action {number}", "prevent", "ana@example.com", due))
