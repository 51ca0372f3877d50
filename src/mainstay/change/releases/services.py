"""What can be done with releases: start, finish, break off, judge, roll back. The one door to them."""

import logging
from dataclasses import asdict, dataclass, fields
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.calendar import gate
from mainstay.catalog.models import Service
from mainstay.change.configs import services as configs
from mainstay.change.releases import domain, telemetry, validation
from mainstay.change.releases.domain import Act, Spans
from mainstay.change.releases.hooks.told import Phase, Told
from mainstay.change.releases.judge import Finding, Judgement, Verdict, judge
from mainstay.change.releases.models import Release
from mainstay.change.releases.validation import ALERTS, Evidence
from mainstay.core import audit, clock, feed
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.observe.telemetry import services as store
from mainstay.respond.alerts import signals
from mainstay.restore import review

State = Release.State
log = logging.getLogger(__name__)
# As many findings are kept with a release, the worst first.
KEPT = 200


@dataclass(frozen=True)
class Wanted:
    """A release that somebody makes. ``reference`` is what the sender calls it; the same twice is the same release."""

    service: str
    version: str
    previous: str = ""
    summary: str = ""
    artefact: str = ""
    ticket: str = ""
    link: str = ""
    reference: str = ""


# What may be said of a release beside its service and version.
TEXTS = tuple(one.name for one in fields(Wanted) if one.name not in {"service", "version"})


def visible(actor: Actor) -> QuerySet[Release]:
    """The one door to releases, the latest first."""
    require(actor, Right.READ)
    return Release.objects.select_related("service").order_by("-pk")


def get(actor: Actor, number: int) -> Release:
    """One release."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"release {number}")
    return found


def _locked(actor: Actor, number: int, act: Act) -> Release:
    """A release that can take this step, held for the caller's transaction."""
    require(actor, Right.RESPOND)
    found = Release.objects.select_for_update().filter(pk=number).first()
    if found is None:
        raise not_found(f"release {number}")
    allowed = domain.step(domain.State(found.state), act)
    if not allowed.allowed:
        raise ProblemError(409, "Not possible", f"{found}: {allowed.reason}.")
    return found


@transaction.atomic
def plan(actor: Actor, wanted: Wanted) -> Release:
    """Write a release down before it starts. Raises ``ProblemError`` that names the field."""
    require(actor, Right.RESPOND)
    service = Service.objects.filter(key=wanted.service).first()
    if service is None:
        raise bad_request(f"there is no service {wanted.service!r}", "service")
    said = {name: str(value).strip() for name, value in asdict(wanted).items() if name != "service"}
    for name, value in said.items():
        longest = getattr(Release._meta.get_field(name), "max_length", None)
        if longest and len(value) > longest:
            raise bad_request(f"write at most {longest} characters", name)
    if not said["version"]:
        raise bad_request("write the version that is brought to production", "version")
    if said["link"] and not said["link"].startswith(("http://", "https://")):
        raise bad_request("write an http or https address", "link")
    if said["reference"]:
        known = Release.objects.filter(service=service, reference=said["reference"]).first()
        if known is not None:
            return known
    release = Release.objects.create(service=service, created_at=clock.now(), made_by=actor.name, **said)
    _note(actor, release, "plan", f"Planned by {actor.name}: {service.name} {release.version}")
    return release


@transaction.atomic
def start(actor: Actor, wanted: Wanted, *, emergency: str | None = None) -> Release:
    """Begin a release: the gate is asked, and the change is told, so that incidents show it.

    Raises ``ProblemError`` when the gate is closed; then there is no release.
    """
    release = plan(actor, wanted)
    return begin(actor, release.pk, emergency=emergency) if release.state == State.PLANNED else release


@transaction.atomic
def begin(actor: Actor, number: int, *, emergency: str | None = None) -> Release:
    """Begin one that was planned."""
    release = _locked(actor, number, Act.START)
    keys = [release.service.key]
    answer = gate.may_change(actor, keys, clock.now(), kind="release", emergency=emergency)
    gate.record(actor, answer, kind="release", services=keys, target=str(release))
    review.require_open_gate(answer)
    _started(actor, release, f"Started by {actor.name}", actor.name, emergency=emergency or "")
    return release


def _started(actor: Actor, release: Release, said: str, by: str, **detail: Any) -> None:
    release.state, release.started_at = State.STARTED, clock.now()
    release.save(update_fields=["state", "started_at"])
    _note(actor, release, "start", said, **detail)
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
    release = _locked(actor, number, Act.FINISH)
    release.state, release.finished_at = State.WATCHED, clock.now()
    release.save(update_fields=["state", "finished_at"])
    minutes = current().release_watch_minutes
    _note(actor, release, "finish", f"Rolled out, said {actor.name}. It is watched for {minutes} minutes.")
    configs.look_soon(release.service)
    return release


@transaction.atomic
def break_off(actor: Actor, number: int, reason: str) -> Release:
    """Say that it was not rolled out after all."""
    release = _locked(actor, number, Act.BREAK_OFF)
    said = review.written(reason, "write why it was broken off")
    release.state, release.ended_at = State.BROKEN_OFF, clock.now()
    release.save(update_fields=["state", "ended_at"])
    _note(actor, release, "break_off", f"Broken off by {actor.name}: {said}")
    return release


@transaction.atomic
def roll_back(actor: Actor, number: int, reason: str) -> Release:
    """Say that the version before runs again. The verdict and its evidence stay."""
    release = _locked(actor, number, Act.ROLL_BACK)
    said = review.written(reason, "write why it was rolled back")
    release.state, release.ended_at = State.ROLLED_BACK, clock.now()
    release.save(update_fields=["state", "ended_at"])
    _note(actor, release, "roll_back", f"Rolled back, said {actor.name}: {said}")
    back = release.previous or "the version before"
    if release.verdict == Verdict.FAILED:
        _alert(release, f"It was rolled back: {said}", ends=True)
    _tell_change(release, actor.name, "rollback", f"{release}: {release.service.name} back to {back}")
    return release


def verify(actor: Actor, number: int) -> Release:
    """Judge it by what its service said of itself up to now. Raises ``TelemetryError`` when the store does not answer.

    The samples are read and judged before the transaction, which would else be held for seconds.
    """
    require(actor, Right.RESPOND)
    release = get(actor, number)
    allowed = domain.step(domain.State(release.state), Act.VERIFY)
    if not allowed.allowed or release.started_at is None or release.finished_at is None:
        raise ProblemError(409, "Not possible", f"{release}: {allowed.reason or 'it has not finished'}.")
    conf = current()
    watch, before = timedelta(minutes=conf.release_watch_minutes), timedelta(minutes=conf.release_before_minutes)
    started, finished = release.started_at, release.finished_at
    spans = domain.spans(started, finished, clock.now(), watch, before, conf.release_season_weeks)
    said, evidence = _judged(release, spans), validation.look(actor, release, spans)
    with transaction.atomic():
        fresh = _locked(actor, number, Act.VERIFY)
        _keep(actor, fresh, said, evidence)
    return fresh


def _judged(release: Release, spans: Spans) -> Judgement:
    key = release.service.key
    seasons = [frame for span in spans.seasons if (frame := telemetry.samples(key, span)).height]
    return judge(telemetry.samples(key, spans.before), telemetry.samples(key, spans.after), seasons)


def _keep(actor: Actor, release: Release, said: Judgement, evidence: list[Evidence]) -> None:
    failed_before = release.state == State.FAILED
    verdict, reason = validation.overall(said, evidence)
    release.state = {Verdict.PASSED: State.PASSED, Verdict.FAILED: State.FAILED}.get(verdict, State.INCONCLUSIVE)
    release.verdict, release.reason = str(verdict), reason
    release.confidence = said.confidence if verdict is said.verdict else None
    release.evidence = [_plain(one) for one in evidence[:KEPT]]
    release.judged_at, release.counts = clock.now(), dict(said.counts)
    release.findings = [_plain(one) for one in said.findings[:KEPT]]
    release.save()
    _note(actor, release, "judge", f"Judged: {verdict}, {reason}", verdict=str(verdict))
    if failed_before or verdict is Verdict.FAILED:
        _alert(release, reason, ends=verdict is not Verdict.FAILED)


def _alert(release: Release, reason: str, *, ends: bool = False) -> None:
    """That it failed is an alert of its service, until it is judged otherwise or rolled back."""
    signals.send(
        ALERTS,
        "ReleaseFailed",
        {"release": str(release)},
        release.service,
        summary=f"{release} of {release.service.name} {release.version} did harm",
        description=reason[:1000],
        path=f"/releases/{release.pk}",
        began=release.finished_at or clock.now(),
        ends=ends,
    )


def _plain(one: Finding | Evidence) -> dict[str, Any]:
    return {name: str(value) if isinstance(value, str) else value for name, value in asdict(one).items()}


def _note(actor: Actor, release: Release, deed: str, said: str, **detail: Any) -> None:
    """Its own log, the audit log and open screens, in the caller's transaction."""
    release.notes.create(at=clock.now(), who=actor.name, text=said[:2000])
    audit.record(actor, f"release.{deed}", str(release), service=release.service.key, said=said[:500], **detail)
    feed.tell("release", release.pk)


def _tell_change(release: Release, author: str, kind: str, summary: str) -> None:
    """A change event, once the transaction stands. It has the name of the release, so that a second one replaces it."""
    now = int(clock.now().timestamp() * 1000)
    row = {
        "time": now,
        "service": release.service.key,
        "kind": kind,
        "id": f"{release}-{kind}",
        "summary": summary,
        "author": author,
        "version": release.version if kind == "deploy" else release.previous,
        "link": release.link or f"{current().public_url}/releases/{release.pk}",
        "diff": "",
        "received": now,
    }

    def write() -> None:
        try:
            store.write("changes", {name: [value] for name, value in row.items()})
        except store.SpoolFullError:
            log.exception("the change event of %s could not be kept", release)

    transaction.on_commit(write)
