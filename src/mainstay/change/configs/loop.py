"""What the worker does for configuration: looks when it is time, and what should look the same but does not."""

from contextlib import suppress
from datetime import timedelta

from django.db import transaction

from mainstay.change.configs import services
from mainstay.change.configs.models import Source
from mainstay.core import clock
from mainstay.core.access import SYSTEM
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.respond.alerts import signals


def run_due(limit: int = 1) -> int:
    """Look at what is due, so many sources a round: a look may take ``config_timeout`` seconds.

    Each source is taken by a conditional update, so that one worker alone looks at it.
    """
    now, done = clock.now(), 0
    due = Source.objects.filter(enabled=True, next_at__lte=now)
    for source in due.order_by("next_at")[:limit]:
        # Should this worker die, it is due again when the look must have ended.
        lease = now + timedelta(seconds=max(source.interval_seconds, 2 * current().config_timeout))
        if due.filter(pk=source.pk).update(next_at=lease) != 1:
            continue
        with suppress(ProblemError):  # It stands at the source.
            services.take(SYSTEM, source.key)
        services.next_look(source)
        done += 1
    if done:
        look_for_drift()
    return done


def look_for_drift() -> int:
    """Compare sources that must look the same; tell what does not, and that it does again. Returns how many changed."""
    changed = 0
    for source in Source.objects.filter(enabled=True).exclude(like="").select_related("service"):
        mine, theirs = services.latest(source), services.twin(SYSTEM, source)
        if mine is None or theirs is None:
            continue
        same = mine.digest == theirs.digest
        text = "" if same else services.compared(SYSTEM, mine, theirs).found.summary
        if same != (source.drift_since is None) or text != source.drift_text:
            _tell(source, text)
            changed += 1
    return changed


@transaction.atomic
def _tell(source: Source, text: str) -> None:
    now = clock.now()
    began = source.drift_since or now
    Source.objects.filter(pk=source.pk).update(drift_since=began if text else None, drift_text=text)
    signals.send(
        "configuration",
        "ConfigurationDrift",
        {"configuration": source.key},
        source.service,
        summary=f"{source.name} is not configured as {source.like} is",
        description=text or "They look the same again.",
        path=f"/configurations/{source.key}",
        began=began,
        ends=not text,
    )
