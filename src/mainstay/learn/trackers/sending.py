"""What trackers are told: claimed with a lease, in order for each issue, looked for before it is done again."""

from collections.abc import Callable
from datetime import timedelta

from django.db import transaction
from django.db.models import F, Max, Min

from mainstay.core import audit, clock, feed, ids
from mainstay.core.access import SYSTEM
from mainstay.core.http import OutgoingError
from mainstay.core.settings import current
from mainstay.learn.trackers import domain, record
from mainstay.learn.trackers.domain import Heard
from mainstay.learn.trackers.kinds import KINDS
from mainstay.learn.trackers.kinds.shape import Draft, Kind, Place, carries
from mainstay.learn.trackers.models import Deed, Issue, Told
from mainstay.learn.trackers.wire import ask, place_of
from mainstay.respond.paging.domain import retry_after

State, Act = Deed.State, Deed.Act
# As many are done in one round, so that a slow tracker does not hold the loop for long.
_ROUND = 10
# The clock of a tracker may be behind ours by so much when issues are looked for by their time.
_SKEW = timedelta(minutes=10)


def run_due() -> int:
    """One round of the worker. Returns how many things were tried."""
    look_again()
    # What was wanted of an issue first is done first.
    first = Deed.objects.filter(state=State.WAITING).values("issue").annotate(first=Min("pk")).values("first")
    tried = 0
    for one in list(Deed.objects.filter(pk__in=first, due_at__lte=clock.now()).order_by("due_at")[:_ROUND]):
        # Four calls at most are made under one lease.
        lease = clock.now() + timedelta(seconds=current().page_lease + 4 * current().tracker_timeout)
        won = Deed.objects.filter(pk=one.pk, state=State.WAITING, due_at=one.due_at).update(
            due_at=lease, tries=F("tries") + 1
        )
        if won == 1:
            _do(one.pk)
            tried += 1
    return tried


def look_again() -> int:
    """Ask to look at live issues that were not heard of for long: a webhook may be missing, or was lost."""
    minutes = current().tracker_poll_minutes
    if not minutes:
        return 0
    live = Issue.objects.exclude(number="").exclude(state__in=[one.value for one in domain.ENDED])
    late = live.filter(seen_at__lt=clock.now() - timedelta(minutes=minutes), trouble="", tracker__enabled=True)
    late = late.exclude(deeds__state=State.WAITING)
    now, count = clock.now(), 0
    for issue in late.order_by("seen_at")[:_ROUND]:
        Deed.objects.create(issue=issue, act=Act.READ, key=ids.new_id(), due_at=now, made_at=now)
        count += 1
    return count


def _do(pk: int) -> None:
    deed = Deed.objects.select_related("issue__tracker").get(pk=pk)
    try:
        heard = _DEEDS[deed.act](deed)
    except OutgoingError as error:
        _failed(deed, str(error), permanent=error.permanent)
    else:
        _done(deed, heard)


def _parts(deed: Deed) -> tuple[Kind, Place, Issue]:
    issue = deed.issue
    if not issue.tracker.enabled:
        raise OutgoingError(f"the tracker {issue.tracker.key} is switched off", permanent=False)
    return KINDS[issue.tracker.kind], place_of(issue.tracker), issue


def _create(deed: Deed) -> Heard:
    """Make the issue. An earlier try may have made it and died before that was kept, so it is looked for first."""
    kind, place, issue = _parts(deed)
    if deed.tries > 1:
        answer = ask(issue.tracker, kind.find(place, deed.key, deed.made_at - _SKEW))
        found = kind.found(place, answer, deed.key)
        if found is not None:
            return Heard(found)
    draft = Draft(deed.key, issue.title, deed.body["text"])
    return Heard(kind.created(place, ask(issue.tracker, kind.create(place, draft))))


def _comment(deed: Deed) -> None:
    _say(deed, deed.body["text"])


def _say(deed: Deed, text: str) -> None:
    kind, place, issue = _parts(deed)
    if deed.tries > 1:
        answer = ask(issue.tracker, kind.comments(place, issue.number, deed.made_at - _SKEW))
        if any(carries(note.text, deed.key) for note in kind.notes(answer)):
            return
    ask(issue.tracker, kind.comment(place, issue.number, text, deed.key))


def _attach(deed: Deed) -> None:
    """Attach a file, or say where it is when the tracker takes none."""
    kind, place, issue = _parts(deed)
    name, content = deed.body["name"], bytes(deed.content or b"")
    request = kind.attach(place, issue.number, name, content)
    if request is None:
        _say(deed, f"{name}: {deed.body['link']}")
        return
    asked = kind.files(place, issue.number) if deed.tries > 1 else None
    if asked is not None and kind.has_file(ask(issue.tracker, asked), name, len(content)):
        return
    shown = kind.attached(ask(issue.tracker, request))
    if shown:
        _say(deed, shown)


def _move(deed: Deed) -> Heard:
    kind, place, issue = _parts(deed)
    wanted = domain.State(deed.body["state"])
    asked = kind.ways(place, issue.number)
    request = kind.move(place, issue.number, wanted, ask(issue.tracker, asked) if asked else None)
    if request is None:
        raise OutgoingError(f"its workflow has no way to {wanted.value!r} from here: move it there", permanent=True)
    ask(issue.tracker, request)
    return Heard(kind.seen(place, ask(issue.tracker, kind.read(place, issue.number))))


def _read(deed: Deed) -> Heard:
    """The issue, and what was said in it since it was looked at last; a webhook may have told of some of it."""
    kind, place, issue = _parts(deed)
    seen = kind.seen(place, ask(issue.tracker, kind.read(place, issue.number)))
    looked = issue.deeds.filter(act=Act.READ, state=State.SENT).aggregate(at=Max("made_at"))["at"]
    since = (looked or issue.made_at) - _SKEW
    notes = kind.notes(ask(issue.tracker, kind.comments(place, issue.number, since)))
    return Heard(seen, [note for note in notes if note.at is None or note.at >= since])


_DEEDS: dict[str, Callable[[Deed], Heard | None]] = {
    Act.CREATE: _create,
    Act.COMMENT: _comment,
    Act.ATTACH: _attach,
    Act.MOVE: _move,
    Act.READ: _read,
}


@transaction.atomic
def _done(deed: Deed, heard: Heard | None) -> None:
    won = Deed.objects.filter(pk=deed.pk, state=State.WAITING).update(state=State.SENT, content=None, answer="")
    if won != 1:
        return
    issue = Issue.objects.select_for_update().select_related("tracker").get(pk=deed.issue_id)
    issue.trouble = ""
    if heard is None:
        issue.save(update_fields=["trouble"])
        feed.tell(issue.purpose, issue.ref)
    else:
        # What was read may be news; what we did ourselves is not.
        record.heard(issue, heard, issue.tracker.name, tell=deed.act == Act.READ)
    if deed.act != Act.READ:
        audit.record(SYSTEM, "tracker.told", str(issue), act=deed.act, key=deed.key)


@transaction.atomic
def _failed(deed: Deed, reason: str, *, permanent: bool) -> None:
    wait = retry_after(deed.tries, current().tracker_retries, permanent=permanent)
    mine = Deed.objects.filter(pk=deed.pk, state=State.WAITING, due_at=deed.due_at)
    if wait is not None:
        mine.update(due_at=clock.now() + wait, answer=reason[:500])
        return
    if mine.update(state=State.FAILED, answer=reason[:500]) != 1:
        return
    issue = Issue.objects.select_for_update().get(pk=deed.issue_id)
    if deed.act == Act.CREATE:
        # What was to be said of an issue that was never made waits with it for a person.
        issue.deeds.filter(state=State.WAITING).update(state=State.FAILED, answer="the issue was not made")
    issue.trouble = f"{deed.get_act_display()}: {reason}"[:500]
    issue.save(update_fields=["trouble"])
    audit.record(SYSTEM, "tracker.failed", str(issue), act=deed.act, reason=reason[:300], key=deed.key)
    feed.tell(issue.purpose, issue.ref)


def prune() -> int:
    """Forget webhooks so old that the times in them give them away."""
    return Told.objects.filter(at__lt=clock.now() - timedelta(days=current().tracker_webhook_days)).delete()[0]
