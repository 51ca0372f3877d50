"""What can be done with releases: start, finish, break off, judge, roll back. The one door to them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from mainstay.catalog.calendar import gate
from mainstay.catalog.models import Service
from mainstay.change.configs import services as configs
from mainstay.change.releases import follow, record, verdicts
from mainstay.change.releases.domain import Act
from mainstay.change.releases.hooks.told import Phase, Told
from mainstay.change.releases.judge import Verdict
from mainstay.change.releases.models import Release
from mainstay.core import clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request
from mainstay.core.settings import current
from mainstay.observe.changes import services as changes
from mainstay.observe.changes.services import ChangeEvent
from mainstay.restore import review
from mainstay.restore.runbooks import books

State = Release.State


@dataclass(frozen=True)
class Wanted:
    """A release that somebody makes. ``reference`` is what the sender calls it; the same twice is the same release.

    ``runbook`` carries the rollout out, with ``inputs`` beside the facts of the release.
    """

    service: str
    version: str
    previous: str = ""
    summary: str = ""
    artefact: str = ""
    ticket: str = ""
    link: str = ""
    reference: str = ""
    runbook: str = ""
    inputs: Mapping[str, str] = field(default_factory=dict)


# What may be said of a release beside its service and version.
TEXTS = tuple(one.name for one in fields(Wanted) if one.name not in {"service", "version", "inputs"})

visible = record.visible
get = record.get
verify = verdicts.verify
settle = verdicts.settle
ask = verdicts.ask


@transaction.atomic
def plan(actor: Actor, wanted: Wanted) -> Release:
    """Write a release down before it starts. Raises ``ProblemError`` that names the field."""
    require(actor, Right.RESPOND)
    service = Service.objects.filter(key=wanted.service).first()
    if service is None:
        raise bad_request(f"there is no service {wanted.service!r}", "service")
    said = {name: str(getattr(wanted, name)).strip() for name in ("version", *TEXTS)}
    for name, value in said.items():
        longest = getattr(Release._meta.get_field(name), "max_length", None)
        if longest and len(value) > longest:
            raise bad_request(f"write at most {longest} characters", name)
    if not said["version"]:
        raise bad_request("write the version that is brought to production", "version")
    if said["link"] and not said["link"].startswith(("http://", "https://")):
        raise bad_request("write an http or https address", "link")
    if said["runbook"] and not books.visible(actor).filter(key=said["runbook"]).exists():
        raise bad_request(f"there is no runbook {said['runbook']!r}", "runbook")
    if said["reference"]:
        known = Release.objects.filter(service=service, reference=said["reference"]).first()
        if known is not None:
            return known
    given = {str(name): str(value) for name, value in wanted.inputs.items()}
    release = Release.objects.create(
        service=service, created_at=clock.now(), made_by=actor.name, inputs=given or None, **said
    )
    record.note(actor, release, "plan", f"Planned by {actor.name}: {service.name} {release.version}")
    return release


@transaction.atomic
def schedule(actor: Actor, wanted: Wanted, at: datetime) -> Release:
    """Write down when a release is to be rolled out: it stands on the calendar, and other plans meet it there.

    One that was scheduled before, by its reference, is moved. The gate is asked when it begins.
    """
    if at <= clock.now():
        raise bad_request("it lies in the past; write a moment to come, or start the release", "at")
    release = plan(actor, wanted)
    if release.state != State.PLANNED:
        raise ProblemError(409, "Not possible", f"{release} is {release.get_state_display().lower()} already.")
    release.planned_for = at
    release.save(update_fields=["planned_for"])
    record.note(actor, release, "schedule", f"To be rolled out at {at:%Y-%m-%d %H:%M} UTC, says {actor.name}")
    return release


def span(release: Release) -> tuple[datetime, datetime] | None:
    """From when to when a release takes its service: until it was watched. Nothing where it has no time, or is over."""
    watched = timedelta(minutes=current().release_watch_minutes)
    if release.state == State.PLANNED:
        return (release.planned_for, release.planned_for + watched) if release.planned_for else None
    if release.state in {State.STARTED, State.WATCHED} and release.started_at:
        return release.started_at, (release.finished_at or max(clock.now(), release.started_at)) + watched
    return None


def between(actor: Actor, after: datetime, before: datetime) -> list[tuple[Release, datetime, datetime]]:
    """Releases that take any of the time in [after, before), with their spans, by start."""
    live = visible(actor).filter(state__in=(State.PLANNED, State.STARTED, State.WATCHED))
    spans = [(one, *taken) for one in live if (taken := span(one)) and taken[0] < before and taken[1] > after]
    return sorted(spans, key=lambda one: (one[1], one[0].pk))


@transaction.atomic
def start(actor: Actor, wanted: Wanted, *, emergency: str | None = None) -> Release:
    """Begin a release: the gate is asked, and the change is told, so that incidents show it.

    Raises ``ProblemError`` when the gate is closed; then there is no release.
    """
    release = plan(actor, wanted)
    return begin(actor, release.pk, emergency=emergency) if release.state == State.PLANNED else release


@transaction.atomic
def begin(actor: Actor, number: int, *, emergency: str | None = None) -> Release:
    """Begin one that was planned. Its runbook begins with it; one that cannot is a reason for no release."""
    release = record.locked(actor, number, Act.START)
    keys = [release.service.key]
    answer = gate.may_change(actor, keys, clock.now(), kind="release", emergency=emergency)
    gate.record(actor, answer, kind="release", services=keys, target=str(release))
    review.require_open_gate(answer)
    _started(actor, release, f"Started by {actor.name}", actor.name, emergency=emergency or "")
    if release.runbook:
        follow.roll_out(actor, release)
    return release


def _started(actor: Actor, release: Release, said: str, by: str, **detail: Any) -> None:
    release.state, release.started_at = State.STARTED, clock.now()
    release.save(update_fields=["state", "started_at"])
    record.note(actor, release, "start", said, **detail)
    configs.look_soon(release.service)
    _tell_change(release, by, "deploy", f"{release}: {release.service.name} {release.version} rolled out")


@transaction.atomic
def told(actor: Actor, service: str, said: Told) -> Release | None:
    """Keep what a pipeline said. The same twice changes nothing; what was never begun here and broke off is not kept.

    What a pipeline tells has happened, so it is kept even while the gate is closed, which its log then says.
    """
    require(actor, Right.RESPOND)
    wanted = Wanted(service, said.version, "", said.summary, said.artefact, "", said.link, said.reference)
    known = visible(actor).filter(service__key=service, reference=said.reference).first()
    if known is None and said.phase is Phase.BROKEN_OFF:
        return None
    release = Release.objects.select_for_update().get(pk=(known or plan(actor, wanted)).pk)
    by = said.by or actor.name
    if release.state == State.PLANNED and said.phase is not Phase.BROKEN_OFF:
        _began(actor, release, by)
    if release.state == State.STARTED and said.phase is Phase.FINISHED:
        return finish(actor, release.pk)
    if said.phase is Phase.BROKEN_OFF and release.state in {State.PLANNED, State.STARTED}:
        return break_off(actor, release.pk, f"The pipeline says that it failed ({by}).")
    return release


def _began(actor: Actor, release: Release, by: str) -> None:
    keys = [release.service.key]
    answer = gate.may_change(actor, keys, clock.now(), kind="release")
    gate.record(actor, answer, kind="release", services=keys, target=str(release))
    against = "" if answer.allowed else f", although the gate was closed: {answer.reason}"
    _started(actor, release, f"Started, says the pipeline ({by}){against}", by)


@transaction.atomic
def finish(actor: Actor, number: int) -> Release:
    """Say that it is rolled out everywhere. From now on it is watched, and judged when that is over."""
    release = record.locked(actor, number, Act.FINISH)
    release.state, release.finished_at = State.WATCHED, clock.now()
    release.save(update_fields=["state", "finished_at"])
    minutes = current().release_watch_minutes
    record.note(actor, release, "finish", f"Rolled out, said {actor.name}. It is watched for {minutes} minutes.")
    configs.look_soon(release.service)
    return release


@transaction.atomic
def break_off(actor: Actor, number: int, reason: str) -> Release:
    """Say that it was not rolled out after all."""
    release = record.locked(actor, number, Act.BREAK_OFF)
    said = review.written(reason, "write why it was broken off")
    release.state, release.ended_at = State.BROKEN_OFF, clock.now()
    release.save(update_fields=["state", "ended_at"])
    record.note(actor, release, "break_off", f"Broken off by {actor.name}: {said}")
    return release


@transaction.atomic
def roll_back(actor: Actor, number: int, reason: str) -> Release:
    """Say that the version before runs again. The verdict and its evidence stay."""
    release = record.locked(actor, number, Act.ROLL_BACK)
    said = review.written(reason, "write why it was rolled back")
    release.state, release.ended_at = State.ROLLED_BACK, clock.now()
    release.save(update_fields=["state", "ended_at"])
    record.note(actor, release, "roll_back", f"Rolled back, said {actor.name}: {said}")
    back = release.previous or "the version before"
    if release.verdict == Verdict.FAILED:
        record.alert(release, f"It was rolled back: {said}", ends=True)
    _tell_change(release, actor.name, "rollback", f"{release}: {release.service.name} back to {back}")
    return release


def _tell_change(release: Release, author: str, kind: str, summary: str) -> None:
    """A change event. It has the name of the release, so that a second one replaces it."""
    changes.tell(
        ChangeEvent(
            time=clock.now(),
            service=release.service.key,
            kind=kind,
            id=f"{release}-{kind}",
            summary=summary,
            author=author,
            version=release.version if kind == "deploy" else release.previous,
            link=release.link or f"{current().public_url}/releases/{release.pk}",
            diff="",
        )
    )
