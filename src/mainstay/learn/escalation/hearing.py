"""What trackers say of the issues of cases, taken as it comes in."""

from django.db import transaction

from mainstay.core.access import Actor, Right
from mainstay.learn.escalation import services
from mainstay.learn.escalation.domain import states
from mainstay.learn.escalation.domain.states import State
from mainstay.learn.escalation.models import Escalation
from mainstay.learn.trackers import services as trackers
from mainstay.learn.trackers.models import Fact

_ASKS = ("needs information", "need information", "needs info", "/ask")


def run_due() -> int:
    """Take what is new. Returns how much that was."""
    found = trackers.untaken(services.PURPOSE)
    for fact in found:
        with transaction.atomic():
            if trackers.take(fact):
                _take(fact)
    return len(found)


def _take(fact: Fact) -> None:
    row = Escalation.objects.filter(pk=int(fact.issue.ref)).first()
    if row is None:
        return
    actor = Actor(fact.who or fact.issue.tracker.name, Right.RESPOND, via=f"tracker {fact.issue.tracker.key}")
    if fact.kind == Fact.Kind.COMMENT:
        asks = fact.text.lstrip().lower().startswith(_ASKS)
        said = State.ASKED if asks else None
    else:
        said = states.heard(fact.after, fact.issue.theirs)
    text = fact.text or f"{fact.issue} is {fact.issue.theirs or fact.after}"
    if said is not None and states.may_say(State(row.state), said).allowed:
        services.say(actor, row.pk, said, text)
    else:
        services.remark(actor, row.pk, text)
