"""The one place that reads the clock. Tests move time here instead of sleeping."""

import time as _time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_offset = [timedelta()]
_held: list[int] = []


def _real_ns() -> int:
    return _held[-1] if _held else _time.time_ns()


def now() -> datetime:
    """The present moment, UTC."""
    return _EPOCH + timedelta(microseconds=_real_ns() // 1_000) + _offset[0]


def now_ms() -> int:
    """The present moment in milliseconds since 1970, UTC."""
    return _real_ns() // 1_000_000 + int(_offset[0] / timedelta(milliseconds=1))


def advance(by: timedelta) -> None:
    """Move this process's time forward. For tests."""
    _offset[0] += by


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Move this process's time for the length of a block. For tests."""
    before = _offset[0]
    _offset[0] += by
    try:
        yield
    finally:
        _offset[0] = before


@contextmanager
def held() -> Iterator[None]:
    """Let this process's time stand still for the length of a block, but for what moves it. For tests."""
    _held.append(_time.time_ns())
    try:
        yield
    finally:
        _held.pop()
