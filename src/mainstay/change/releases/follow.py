"""What a release begins: the runbook that rolls it out; a webhook that is told its verdict, and the runbook that undoes
a failure, as the plan of the service says."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

import orjson
from django.db import transaction

from mainstay.change.releases import domain, record
from mainstay.change.releases.domain import Begun
from mainstay.change.releases.models import Release, ReleasePlan, VerdictDelivery
from mainstay.change.releases.plans import services as plans
from mainstay.change.releases.plans.model import OnFailed, OnVerdict
from mainstay.core import clock, locks
from mainstay.core.access import SYSTEM, Actor
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore.runbooks import books
from mainstay.restore.runbooks import services as runs
from mainstay.restore.runbooks.models import Run

State = Release.State
_HOUR = timedelta(hours=1)
_IN_VAIN = (Run.State.FAILED, Run.State.STOPPED, Run.State.REJECTED, Run.State.WITHDRAWN)


def verdict_changed(release: Release) -> None:
    """In the transaction of a verdict that is not the one before. What is still awaited is no verdict yet."""
    plan = plans.of_service(SYSTEM, release.service)
    if plan is None or release.state == State.WATCHED:
        return
    if plan.on_verdict:
        _tell(release, OnVerdict.model_validate(plan.on_verdict))
    if plan.on_failed and release.state == State.FAILED and release.undo_run_id is None:
        _undo(plan, release, OnFailed.model_validate(plan.on_failed))


def _tell(release: Release, who: OnVerdict) -> None:
    body = {
        "type": "release.verdict",
        "release": str(release),
        "service": release.service.key,
        "version": release.version,
        "previous": release.previous,
        "verdict": release.verdict,
        "reason": release.reason,
        "judged_at": release.judged_at,
        "evidence": [{name: one[name] for name in ("what", "verdict", "said")} for one in release.evidence],
        "link": f"{current().public_url}/releases/{release.pk}",
    }
    VerdictDelivery.objects.create(
        release=release,
        key=f"{release}-{uuid4().hex}",
        address=who.webhook,
        secret=who.secret,
        body=orjson.dumps(body).decode(),
        due_at=clock.now(),
    )


def _undo(plan: ReleasePlan, release: Release, book: OnFailed) -> None:
    """Begin the runbook, under its own guards and ours. What hinders it is written down and changes no verdict."""
    locks.one_at_a_time("releases that failed")
    allowed = domain.may_begin(_begun(release, book))
    try:
        if not allowed.allowed:
            raise ProblemError(409, "Not possible", allowed.reason)
        with transaction.atomic():
            run = runs.begin(
                SYSTEM,
                book.runbook,
                inputs_of(release, book.inputs),
                targets=book.targets,
                reason=f"{release} of {release.service.name} {release.version} has failed",
                automatic=f"release plan {plan.key}",
            )
    except ProblemError as error:
        record.note(SYSTEM, release, "undo_refused", f"The runbook {book.runbook} does not begin: {error.detail}")
        return
    release.undo_run, release.undo_settled = run, False
    release.save(update_fields=["undo_run", "undo_settled"])
    waits = ", which waits for approval" if run.state == Run.State.REQUESTED else ""
    record.note(SYSTEM, release, "undo", f"It has failed, so {book.runbook} begins as {run}{waits}.", run=str(run))


def inputs_of(release: Release, given: Mapping[str, str | Mapping[Any, str]]) -> dict[str, str]:
    """The inputs of a runbook; ``{release: NAME}`` is a fact of the release."""
    facts = _facts(release)
    return {name: one if isinstance(one, str) else facts[one["release"]] for name, one in given.items()}


def _facts(release: Release) -> dict[str, str]:
    return {
        "service": release.service.key,
        "version": release.version,
        "previous": release.previous,
        "number": str(release),
    }


def roll_out(actor: Actor, release: Release) -> None:
    """Begin the runbook that carries a release out, in the transaction of its start.

    Inputs of the book that have the name of a fact of the release take it. Raises ``ProblemError``: nothing starts.
    """
    asked = {one.name for one in books.content(actor, release.runbook).inputs}
    facts = {name: value for name, value in _facts(release).items() if name in asked}
    run = runs.begin(
        actor,
        release.runbook,
        {**facts, **(release.inputs or {})},
        reason=f"{release} brings {release.service.name} {release.version} to production",
    )
    release.rollout_run = run
    release.save(update_fields=["rollout_run"])
    waits = ", which waits for approval" if run.state == Run.State.REQUESTED else ""
    record.note(actor, release, "roll_out", f"{release.runbook} rolls it out, as {run}{waits}.", run=str(run))


def _begun(release: Release, book: OnFailed) -> Begun:
    """A run that did not help holds the next one back, until one of the same book went through since."""
    before = (
        Run.objects.filter(pk__in=Release.objects.filter(service=release.service).values("undo_run"))
        .filter(version__book__key=book.runbook)
        .order_by("-pk")
        .first()
    )
    stuck = ""
    if before is not None and before.state in _IN_VAIN:
        mended = Run.objects.filter(version__book__key=book.runbook, state=Run.State.DONE, pk__gt=before.pk)
        stuck = "" if mended.exists() else str(before)
    recent = Run.objects.exclude(automatic="").filter(created_at__gt=clock.now() - _HOUR).count()
    return Begun(recent, current().runbook_auto_per_hour, stuck)
