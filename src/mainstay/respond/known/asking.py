"""Find known errors that somebody should look at again, and ask about them on their owner's screen."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from mainstay.catalog.known import staleness
from mainstay.catalog.known.models import KnownError
from mainstay.core import clock
from mainstay.core.settings import current
from mainstay.respond.incidents import known
from mainstay.respond.incidents.models import KnownErrorMatch

_AT_ONCE = 500


def ask() -> int:
    """Ask about those that have become stale. Returns how many; none is asked about twice until it is answered."""
    now = clock.now()
    limits = staleness.Limits(current().known_error_stale_days, current().known_error_success_percent)
    found = list(_suspects(now, limits)[:_AT_ONCE])
    counts = known.counts_of([one.pk for one in found], since_verified=True)
    asked = 0
    for one in found:
        own = counts.get(one.pk, known.Counts())
        reason = staleness.why_ask(one.verified_at, one.fix, own.worked, own.tried, now, limits)
        if reason:
            # Somebody may be answering at this moment.
            untouched = KnownError.objects.filter(pk=one.pk, asked_at=None, changed_at=one.changed_at)
            asked += untouched.update(asked_at=now, asked_why=reason)
    return asked


def _suspects(now: datetime, limits: staleness.Limits) -> QuerySet[KnownError]:
    old = Q(verified_at=None) | Q(verified_at__lt=now - timedelta(days=limits.days))
    out = Q(fix=KnownError.Fix.RELEASED, verified_at__lt=now - staleness.RELEASED_FOR)
    failing = KnownErrorMatch.objects.filter(verdict=known.Verdict.FAILED).values("known_error")
    open_ones = KnownError.objects.filter(retired_at=None, asked_at=None)
    return open_ones.filter(old | out | Q(pk__in=failing)).order_by("pk")
