"""Bounds the time that a format may take: matching is linear in a line, but a large pattern has a large factor."""

import logging
import time
from collections.abc import Callable

import polars as pl

log = logging.getLogger(__name__)

_FIRST = 16


def in_time(key: str, texts: pl.Series, call: Callable[[pl.Series], pl.Series], seconds: float) -> pl.Series:
    """What a call makes of texts (N); null for those that it does not come to in the seconds that it has.

    A few texts show the pace, and as many as fit into the rest of the time follow. It is passed by these few at most.
    """
    began, done, size = time.perf_counter(), 0, _FIRST
    found = []
    while done < texts.len():
        found.append(call(texts.slice(done, size)))
        done += found[-1].len()
        spent = time.perf_counter() - began
        if done < texts.len() and spent >= seconds:
            log.warning("the log format %s takes too long: %s of %s lines are not tried", key, texts.len() - done, done)
            found.append(pl.repeat(None, texts.len() - done, dtype=found[0].dtype, eager=True))
            break
        size = max(_FIRST, int(done * (seconds - spent) / spent))
    return pl.concat(found, rechunk=True) if found else call(texts)
