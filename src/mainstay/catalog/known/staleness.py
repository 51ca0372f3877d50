"""Whether a known error is still to be believed, and why its owner should look at it."""

from dataclasses import dataclass
from datetime import datetime, timedelta

# Fewer uses than this say nothing about a workaround.
LEAST_TRIED = 3
# So long after somebody said that the fix is out it should not be met any more.
RELEASED_FOR = timedelta(days=14)


@dataclass(frozen=True)
class Limits:
    """Days for which the word of a person holds, and the share of uses (percent) that a workaround must help in."""

    days: int
    success: int


def why_ask(
    verified_at: datetime | None, fix: str, worked: int, tried: int, now: datetime, limits: Limits
) -> str | None:
    """Why to ask about it, if at all. ``worked`` of ``tried`` judgements are those since ``verified_at``."""
    reasons = []
    if fix == "released" and (verified_at is None or now - verified_at >= RELEASED_FOR):
        reasons.append("its permanent fix is released")
    if tried >= LEAST_TRIED and worked * 100 < tried * limits.success:
        reasons.append(f"its workaround helped {worked} of {tried} times")
    if verified_at is None:
        reasons.append("nobody has said yet that it is true")
    elif now - verified_at >= timedelta(days=limits.days):
        reasons.append(f"nobody has said for {(now - verified_at).days} days that it is true")
    return "; ".join(reasons) or None
