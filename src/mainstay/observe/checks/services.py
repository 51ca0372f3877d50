"""Checks: what is run, what came of it, and what is told of it. The one door to the room."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.models import Service
from mainstay.core import audit, clock, doorbell, feed, inbox, secrets
from mainstay.core.access import Actor, Right, require
from mainstay.core.ids import fingerprint
from mainstay.core.problems import ProblemError, not_found
from mainstay.core.settings import current
from mainstay.observe.checks import domain, runner
from mainstay.observe.checks.domain import State
from mainstay.observe.checks.models import Check, CheckRun
from mainstay.observe.checks.perfdata import Measure, Output, read
from mainstay.observe.telemetry import services as telemetry

log = logging.getLogger(__name__)

SOURCE = "check"
_RESERVED = frozenset(("check", "service", "severity", "alertname", "state", "label", "unit"))
_MEASURES = 200
KEPT_AS_WRITTEN = (
    *("command", "script", "runbook", "inputs", "env", "secrets"),
    *("needed", "of", "labels", "enabled"),
)
LEAST = {"interval": 1.0, "timeout": 0.1}


class CheckError(ValueError):
    """A check cannot be kept; the text names the field and what to write."""


@dataclass(frozen=True)
class Said:
    """What one run said: its state, its outcome, and its output taken apart."""

    state: State
    outcome: runner.Outcome
    output: Output

    @property
    def text(self) -> str:
        """In one line."""
        problem = self.outcome.problem
        text = problem[:1].upper() + problem[1:] if problem else self.output.text
        return (text or f"It printed nothing; its exit code is {self.outcome.code}")[:1000]


def visible(actor: Actor) -> QuerySet[Check]:
    """The one door to checks, by key."""
    require(actor, Right.READ)
    return Check.objects.select_related("service").order_by("key")


def get(actor: Actor, key: str) -> Check:
    """One check. 404 when there is none."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"check {key}")
    return found


def runs(actor: Actor, check: Check) -> QuerySet[CheckRun]:
    """What it said, the newest first."""
    require(actor, Right.READ)
    return check.runs.order_by("-started_at", "-pk")


def interval_of(check: Check) -> float:
    """Seconds between two runs."""
    return float(check.interval_seconds or current().check_interval)


def timeout_of(check: Check) -> float:
    """Seconds that a run may take."""
    return float(check.timeout_seconds or current().check_timeout)


def check_entry(entry: Mapping[str, Any]) -> None:
    """Refuse what cannot be run. Raises ``CheckError``."""
    if sum(bool(entry[name]) for name in ("command", "script", "runbook")) != 1:
        raise CheckError("command: write a command, a script or a runbook, one of the three")
    if entry["runbook"] and (entry["env"] or entry["secrets"]):
        raise CheckError("env: a runbook takes its values by inputs, and names its secrets itself")
    if entry["inputs"] and not entry["runbook"]:
        raise CheckError("inputs: a program takes its values by env; inputs are for a runbook")
    if entry["script"] and not entry["script"].startswith("#!"):
        raise CheckError("script: begin with the program that reads it, such as #!/bin/sh")
    if any("\x00" in part for part in (*entry["command"], entry["script"])):
        raise CheckError("command: leave the NUL character out")
    if not 1 <= entry["needed"] <= entry["of"] <= 20:
        raise CheckError("needed: write how many of the last runs decide, at most as many as of, and of at most 20")
    for name in ("interval", "timeout"):
        if entry[name] is not None and entry[name] < LEAST[name]:
            raise CheckError(f"{name}: write at least {LEAST[name]:g} s, or leave it out")
    taken = sorted(_RESERVED & entry["labels"].keys())
    if taken:
        raise CheckError(f"labels.{taken[0]}: every check has it of its own; choose another name")
    both = sorted(entry["env"].keys() & entry["secrets"].keys())
    if both:
        raise CheckError(f"secrets.{both[0]}: env has it as well; keep one")


@transaction.atomic
def save(entry: Mapping[str, Any], service: Service | None, source: str) -> Check:
    """Make a check, or change the one with this key; it is run at once. Raises ``CheckError``."""
    check_entry(entry)
    values = {
        **{name: entry[name] for name in KEPT_AS_WRITTEN},
        "name": entry["name"] or entry["key"],
        "service": service,
        "interval_seconds": entry["interval"],
        "timeout_seconds": entry["timeout"],
        "source": source,
        "next_at": clock.now(),
        "recent": [],
    }
    before = Check.objects.select_related("service").filter(key=entry["key"]).first()
    if before and (not entry["enabled"] or _named(before) != (values["name"], values["labels"], service)):
        _end(before)
        values["state"] = State.OK
    row, _ = Check.objects.update_or_create(key=entry["key"], defaults=values)
    return row


def _named(check: Check) -> tuple[str, dict[str, str], Service | None]:
    """What its alerts are known by."""
    return check.name, check.labels, check.service


@transaction.atomic
def remove(key: str) -> None:
    """Delete a check, and end what it has told of."""
    for check in Check.objects.filter(key=key):
        _end(check)
        check.delete()


def _end(check: Check) -> None:
    if State(check.state) is not State.OK:
        inbox.put(
            "alert", [_signal(check, State(check.state), "The check is gone or was changed", clock.now(), ends=True)]
        )


@transaction.atomic
def run_now(actor: Actor, key: str) -> Check:
    """Have the worker run a check at once."""
    require(actor, Right.RESPOND)
    check = get(actor, key)
    if not check.enabled:
        raise ProblemError(409, "Switched off", f"{check.key} is switched off; switch it on where it is configured.")
    Check.objects.filter(pk=check.pk).update(next_at=clock.now())
    audit.record(actor, "check.run", f"check {key}")
    return check


def claim(limit: int, *, slow: int, books: bool = False) -> list[Check]:
    """Take programs or ``books`` that are due, the longest waiting first; of those late last time at most ``slow``.

    What is taken is due again after its time limit, so that one whose worker ended is not forgotten.
    """
    now, taken = clock.now(), list[Check]()
    due = Check.objects.filter(enabled=True, next_at__lte=now)
    due = due.exclude(runbook="") if books else due.filter(runbook="")
    if not due.exists():
        return taken
    for check in due.select_related("service").order_by("next_at")[: 4 * limit]:
        if len(taken) >= limit:
            break
        if check.slow and sum(one.slow for one in taken) >= slow:
            continue
        again = now + timedelta(seconds=timeout_of(check) + 10)
        if Check.objects.filter(pk=check.pk, next_at=check.next_at).update(next_at=again) == 1:
            taken.append(check)
    return taken


def give_back(pks: Sequence[int]) -> None:
    """Make due again what was taken and did not come to its end."""
    Check.objects.filter(pk__in=pks).update(next_at=clock.now())


def execute(check: Check) -> Said:
    """Run its program here and now. Nothing is kept."""
    limits = runner.Limits(timeout_of(check), current().check_output_kb * 1000, current().check_user)
    try:
        hidden = {name: secrets.get(secret) for name, secret in check.secrets.items()}
    except secrets.SecretError as error:
        outcome = runner.Outcome(None, "", 0.0, str(error))
    else:
        env = {**check.env, **hidden}
        outcome = runner.run(check.command, check.script, env, list(hidden.values()), limits)
    state = State.UNKNOWN if outcome.problem else domain.state_of(outcome.code)
    return Said(state, outcome, read(outcome.output))


def keep(pk: int, said: Said, started_at: datetime) -> Check | None:
    """Keep what a run said, decide what counts, and tell of it: one commit. Samples follow."""
    with transaction.atomic():
        locked = Check.objects.select_for_update(of=("self",)).select_related("service")
        check = locked.filter(pk=pk, enabled=True).first()
        if check is None:
            return None  # It was taken out while it ran.
        _note(check, said, started_at)
        before = State(check.state)
        recent = [*map(State, check.recent), said.state][-check.of :]
        decision = domain.decide(before, recent, check.needed, check.of)
        check.recent, check.reason = [str(one) for one in recent], decision.reason
        signals = _signals(check, before, decision.state, said.text)
        if decision.state is not before or check.state_since is None:
            check.state, check.state_since = decision.state, clock.now()
        check.next_at = max(started_at + timedelta(seconds=interval_of(check)), clock.now())
        check.last_at, check.last_text, check.slow = started_at, said.text, said.outcome.late
        check.save()
        if signals:
            inbox.put("alert", signals)
            feed.tell("checks", check.key)
    if signals:
        doorbell.ring(doorbell.INBOX)
    _write_samples(check, said, started_at)
    return check


def _note(check: Check, said: Said, started_at: datetime) -> None:
    CheckRun.objects.create(
        check_of=check,
        started_at=started_at,
        seconds=said.outcome.seconds,
        state=said.state,
        code=said.outcome.code,
        text=said.text,
        output=said.outcome.output,
        measures=[_plain(one) for one in said.output.measures[:_MEASURES]],
    )
    old = check.runs.order_by("-started_at", "-pk").values_list("pk", flat=True)[current().check_runs_kept :]
    check.runs.filter(pk__in=list(old[:1000])).delete()


def _plain(one: Measure) -> dict[str, Any]:
    thresholds = {name: str(found) for name in ("warning", "critical") if (found := getattr(one, name))}
    return {**asdict(one), "warning": None, "critical": None, **thresholds}


def _signals(check: Check, before: State, after: State, text: str) -> list[dict[str, Any]]:
    """What begins, then what ends: an incident of the one that goes on is not restored in between."""
    if before is after:
        return []
    now = clock.now()
    begins = [_signal(check, after, text, now)] if after is not State.OK else []
    ends = [_signal(check, before, text, now, ends=True)] if before is not State.OK else []
    return begins + ends


def _signal(check: Check, state: State, text: str, now: datetime, *, ends: bool = False) -> dict[str, Any]:
    service = {"service": check.service.key} if check.service else {}
    labels = {
        **check.labels,
        **service,
        "alertname": check.key,
        "check": check.key,
        "severity": domain.SEVERITY[state],
        "state": str(state),
    }
    return {
        "source": SOURCE,
        "fingerprint": fingerprint(labels),
        "labels": labels,
        "annotations": {"summary": f"{check.name}: {state.upper()}", "description": text},
        "link": f"{current().public_url}/checks/{check.key}",
        "state": "resolved" if ends else "firing",
        "starts_at": now.isoformat(),
        "ends_at": now.isoformat() if ends else None,
        "value": None,
    }


def samples_of(check: Check, said: Said) -> list[tuple[str, dict[str, str], float]]:
    """What a run gives as metrics: (name, labels, value)."""
    base = {**check.labels, "check": check.key, **({"service": check.service.key} if check.service else {})}
    found = [
        ("check_state", base, float(domain.NUMBERS.index(said.state))),
        ("check_duration_seconds", base, said.outcome.seconds),
    ]
    for one in said.output.measures[:_MEASURES]:
        own = {**base, "label": one.label[:200], **({"unit": one.unit[:40]} if one.unit else {})}
        found.append(("check_value", own, one.value))
        for name, bound in (("warning", one.warning), ("critical", one.critical)):
            if bound and not bound.inside and np.isfinite(bound.high):
                found.append((f"check_value_{name}", own, bound.high))
    return found


def _write_samples(check: Check, said: Said, at: datetime) -> None:
    found = {(name, *sorted(labels.items())): (name, labels, value) for name, labels, value in samples_of(check, said)}
    rows: Sequence[tuple[str, dict[str, str], float]] = list(found.values())
    series = [(telemetry.series_id(name, labels), name, labels) for name, labels, _ in rows]
    try:
        telemetry.write_samples(
            series,
            np.arange(len(rows), dtype=np.int64),
            np.full(len(rows), int(at.timestamp() * 1000), np.int64),
            np.array([value for _, _, value in rows], np.float64),
        )
    except (telemetry.SpoolFullError, OSError) as error:
        log.warning("the samples of check %s are lost: %s", check.key, error)
