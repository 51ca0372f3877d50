"""Decisions about deliveries."""

from datetime import timedelta


def retry_after(tries: int, limit: int, *, permanent: bool) -> timedelta | None:
    """How long to wait before a delivery is tried again, or nothing when it is given up.

    The wait doubles from 2 s up to 2 min: a mail server that restarts is met early, one that is down is not hammered.
    """
    if permanent or tries >= limit:
        return None
    return timedelta(seconds=min(2.0 * 2 ** (tries - 1), 120.0))
