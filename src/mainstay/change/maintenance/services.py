"""What can be done with planned work: plan, move, begin, end, extend, call off. The one door to it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar import gate
from mainstay.catalog.calendar.entries import REACHES
from mainstay.catalog.calendar.services import edges
from mainstay.catalog.domain import covered
from mainstay.catalog.models import Service
from mainstay.change.maintenance import overrun, telling
from mainstay.change.maintenance.models import Work
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.observe.checks import services as checks
from mainstay.observe.checks.domain import State as CheckState
from mainstay.respond.clocks import services as clocks
from mainstay.respond.silences import services as silences
from mainstay.respond.silences.services import Wanted as WantedSilence
from mainstay.restore import review
from mainstay.restore.runbooks import services as runs

State = Work.State
NOT_OVER = (State.PLANNED, State.RUNNING, State.CHECKING)
# How long after its end the checks of a piece of work may take to run once more.
CHECKING = timedelta(minutes=10)
# A result of a check that is older than so many of its intervals says nothing about now.
FRESH = 3


@dataclass(frozen=True)
class Wanted:
    """Work that somebody plans. ``before`` and ``after`` are keys of checks, ``run`` the number of a drafted run."""

    title: str
    reason: str
    services: frozenset[str]
    starts_at: datetime
    ends_at: datetime
    reach: str = "alone"
    quiet: bool = True
    announced: bool = True
    before: Sequence[str] = ()
    after: Sequence[str] = ()
    run: int | None = None
    by_itself: bool = False


def visible(actor: Actor) -> QuerySet[Work]:
    """The one door to planned work, the latest first."""
    require(actor, Right.READ)
    found = Work.objects.select_related("run", "silence", "plan").prefetch_related("services")
    return found.order_by("-starts_at", "-pk")


def get(actor: Actor, number: int) -> Work:
    """One piece of work."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"maintenance {number}")
    return found


def around(actor: Actor, service: Service, since: datetime, before: datetime) -> QuerySet[Work]:
    """Work on a service that has begun, or begins, between two moments and was not called off, by its beginning."""
    found = visible(actor).filter(services=service, starts_at__lt=before, ends_at__gt=since)
    return found.exclude(state__in=(State.CANCELLED, State.LAPSED)).order_by("starts_at", "pk")


def _locked(actor: Actor, number: int) -> Work:
    require(actor, Right.RESPOND)
    found = Work.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"maintenance {number}")
    return found


def _require_state(work: Work, *states: str) -> None:
    if work.state not in states:
        raise ProblemError(409, "Not possible", f"{work} is {State(work.state).label.lower()}.")


@transaction.atomic
def plan(actor: Actor, wanted: Wanted, **more: Any) -> Work:
    """Plan a piece of work and tell who is concerned. Raises ``ProblemError`` that names the field."""
    require(actor, Right.RESPOND)
    services = _checked(actor, wanted)
    work = Work.objects.create(
        title=wanted.title.strip()[:200],
        reason=wanted.reason.strip(),
        reach=wanted.reach,
        starts_at=wanted.starts_at,
        ends_at=wanted.ends_at,
        quiet=wanted.quiet,
        announced=wanted.announced,
        before=list(wanted.before),
        after=list(wanted.after),
        by_itself=wanted.by_itself,
        run_id=wanted.run,
        planned_name=actor.name,
        created_at=clock.now(),
        **{"owner_id": actor.person_id, **more},
    )
    work.services.set(services)
    note(actor, work, "plan", f"Planned by {actor.name}", starts=wanted.starts_at.isoformat())
    telling.planned(work)
    return work


def _checked(actor: Actor, wanted: Wanted) -> list[Service]:
    """The services, if everything else can be kept as well."""
    if not wanted.title.strip():
        raise bad_request("write what is done, in a few words", "title")
    if not wanted.reason.strip():
        raise bad_request("write why, and what people will notice", "reason")
    if wanted.reach not in REACHES:
        raise bad_request(f"write one of {', '.join(REACHES)}", "reach")
    _check_span(wanted.starts_at, wanted.ends_at)
    for field in ("before", "after"):
        for key in getattr(wanted, field):
            if not checks.visible(actor).filter(key=key).exists():
                raise bad_request(f"there is no check {key!r}", field)
    if wanted.run is not None:
        runs.get(actor, wanted.run)
    found = {one.key: one for one in Service.objects.filter(key__in=wanted.services)}
    missing = sorted(wanted.services - set(found))
    if missing or not found:
        what = f"there is no service {missing[0]!r}" if missing else "name the services that are worked on"
        raise bad_request(what, "services")
    return list(found.values())


def _check_span(starts_at: datetime, ends_at: datetime) -> None:
    if ends_at <= starts_at:
        raise bad_request("it ends before it begins", "ends_at")
    if ends_at <= clock.now():
        raise bad_request("its time is over already", "ends_at")
    longest = timedelta(hours=current().maintenance_max_hours)
    if ends_at - starts_at > longest:
        raise bad_request(f"work lasts at most {current().maintenance_max_hours} hours; plan it in parts", "ends_at")


@transaction.atomic
def move(actor: Actor, number: int, starts_at: datetime, ends_at: datetime) -> None:
    """Plan it for another time."""
    work = _locked(actor, number)
    _require_state(work, State.PLANNED)
    _check_span(starts_at, ends_at)
    work.starts_at, work.ends_at, work.late_told_at, work.hindrance = starts_at, ends_at, None, ""
    work.save(update_fields=["starts_at", "ends_at", "late_told_at", "hindrance"])
    note(actor, work, "move", f"Moved by {actor.name}", starts=starts_at.isoformat(), ends=ends_at.isoformat())
    telling.moved(work)


@transaction.atomic
def cancel(actor: Actor, number: int, reason: str) -> None:
    """Call it off. A run that was drafted for it is withdrawn."""
    work = _locked(actor, number)
    _require_state(work, State.PLANNED)
    said = review.written(reason, "write why, for whoever expects it")
    if work.run is not None and work.run.state in runs.OPEN:
        runs.withdraw(actor, work.run.pk)
    work.state, work.ended_at, work.ended_name, work.outcome = State.CANCELLED, clock.now(), actor.name, said
    work.save(update_fields=["state", "ended_at", "ended_name", "outcome"])
    note(actor, work, "cancel", f"Called off by {actor.name}: {said}")
    telling.cancelled(work)


@transaction.atomic
def begin(actor: Actor, number: int, *, emergency: str | None = None) -> None:
    """Begin it: the gate is asked, its checks must be well, its services fall quiet, its run starts.

    Raises ``ProblemError`` with what hinders it, and then nothing has changed.
    """
    work = _locked(actor, number)
    _require_state(work, State.PLANNED)
    now = clock.now()
    if now < work.starts_at:
        raise ProblemError(409, "Too early", f"{work} is planned for later. Move it, if it shall begin now.")
    if now >= work.ends_at:
        raise ProblemError(409, "Too late", f"The time of {work} is over. Move it, if it shall still be done.")
    keys = service_keys(work)
    answer = gate.may_change(actor, keys, now, kind="other", emergency=emergency)
    gate.record(actor, answer, kind="other", services=keys, target=str(work))
    review.require_open_gate(answer)
    _require_well(actor, work.before, "before it begins")
    if work.run is not None:
        runs.start(actor, work.run.pk)
    work.state, work.began_at, work.began_name, work.hindrance = State.RUNNING, now, actor.name, ""
    work.silence = _keep_quiet(actor, work) if work.quiet else None
    work.save(update_fields=["state", "began_at", "began_name", "hindrance", "silence"])
    clocks.pause_for(felt_by(work), str(work), now, work.ends_at)
    note(actor, work, "begin", f"Begun by {actor.name}", emergency=emergency or "")
    telling.begun(work)


def service_keys(work: Work) -> list[str]:
    """The services that are worked on."""
    return sorted(one.key for one in work.services.all())


def felt_by(work: Work) -> list[Service]:
    """The services that are worked on, and those around them that feel it, as its reach says."""
    found = Service.objects.filter(key__in=covered(service_keys(work), work.reach, edges()))
    return list(found.select_related("team").order_by("name"))


def _keep_quiet(actor: Actor, work: Work) -> Any:
    """Silence its services up to its planned end, and not a minute longer."""
    longest = clock.now() + timedelta(hours=current().silence_max_hours)
    wanted = WantedSilence(
        f"{work}: {work.title}",
        min(work.ends_at, longest),
        frozenset(service_keys(work)),
        reach=work.reach,
        work=str(work),
    )
    return silences.make(actor, wanted)


def _require_well(actor: Actor, keys: Collection[str], when: str) -> None:
    for check in checks.visible(actor).filter(key__in=keys):
        limit = timedelta(seconds=max(FRESH * checks.interval_of(check), 60))
        if check.last_at is None or check.last_at < clock.now() - limit:
            raise ProblemError(409, "Not checked", f"The check {check.key} has not run of late, as it must {when}.")
        if check.state != CheckState.OK:
            detail = f"The check {check.key} must be well {when}, and says: {check.last_text}"
            raise ProblemError(409, "Not well", detail)


@transaction.atomic
def extend(actor: Actor, number: int, ends_at: datetime) -> None:
    """Give it more time, or less, while it goes on; its services stay quiet as long."""
    work = _locked(actor, number)
    _require_state(work, State.RUNNING)
    if ends_at <= clock.now():
        raise bad_request("that time is over; end it instead", "ends_at")
    _check_span(work.began_at or work.starts_at, ends_at)
    overrun.over(work)
    work.ends_at, work.overran_told_at = ends_at, None
    hear_again(actor, work)
    work.silence = _keep_quiet(actor, work) if work.quiet else None
    work.save(update_fields=["ends_at", "overran_told_at", "silence"])
    # What went on beyond the end that was agreed until now stopped nothing, whatever the new one is.
    clocks.work_over(str(work), clock.now())
    clocks.pause_for(felt_by(work), str(work), clock.now(), ends_at)
    note(actor, work, "extend", f"Its end was moved by {actor.name}", ends=ends_at.isoformat())
    telling.extended(work)


@transaction.atomic
def end(actor: Actor, number: int, outcome: str) -> None:
    """Say that the work is over, and what came of it. Its checks run once more before it counts as done."""
    work = _locked(actor, number)
    _require_state(work, State.RUNNING)
    if work.run is not None and work.run.state in runs.LIVE:
        raise ProblemError(409, "It runs", f"{work.run} is not over. Stop it first, if it shall end now.")
    said = review.written(outcome, "write what came of it, for whoever takes over")
    finish(actor, work, said, by=actor.name)


def finish(actor: Actor, work: Work, outcome: str, *, by: str, failed: bool = False) -> None:
    """End work within the caller's transaction: its services are heard again, and its checks asked."""
    work.ended_at, work.ended_name, work.outcome = clock.now(), by, outcome
    hear_again(actor, work)
    overrun.over(work)
    clocks.work_over(str(work), clock.now())
    if work.after and not failed:
        work.state, work.check_until = State.CHECKING, clock.now() + CHECKING
        for key in work.after:
            if checks.visible(actor).filter(key=key, enabled=True).exists():
                checks.run_now(actor, key)
    else:
        work.state = State.FAILED if failed else State.DONE
    work.save()
    note(actor, work, "end", f"Ended by {by}: {outcome}")
    telling.ended(work)


def hear_again(actor: Actor, work: Work) -> None:
    """End its silence, if that still holds."""
    silence = work.silence
    if silence is not None and silence.ended_at is None and silence.ends_at > clock.now():
        silences.end(actor, silence.pk)


def note(actor: Actor, work: Work, deed: str, said: str, **detail: Any) -> None:
    """Its own log, the audit log and open screens, in the caller's transaction."""
    work.notes.create(at=clock.now(), who=actor.name, text=said[:2000])
    audit.record(actor, f"maintenance.{deed}", str(work), services=service_keys(work), said=said[:500], **detail)
    feed.tell("maintenance", work.pk)


def tell_owner(work: Work, subject: str) -> None:
    """Show whoever planned it that it wants them."""
    if work.owner_id:
        key, link = f"maintenance-{work.pk}-{work.state}", f"/maintenance/{work.pk}"
        feed.tell("page", "maintenance", person_id=work.owner_id, key=key, subject=subject[:300], link=link)
