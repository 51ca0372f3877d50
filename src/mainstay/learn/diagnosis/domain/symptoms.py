"""What ails each service, in a few groups of symptoms, from metrics, log lines and calls alike. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from math import log1p

import polars as pl

from mainstay.change.releases.judge.kinds import Kind, read


class Group(StrEnum):
    """Symptoms that cause each other in the same way."""

    SLOW = "slow"
    FAILING = "failing"
    STARVED = "starved"
    BUSY = "busy"
    ODD = "odd"


_GROUPS = {
    Kind.LATENCY: Group.SLOW,
    Kind.ERRORS: Group.FAILING,
    Kind.OUTCOME: Group.FAILING,
    Kind.CPU: Group.STARVED,
    Kind.MEMORY: Group.STARVED,
    Kind.LOAD: Group.STARVED,
    Kind.HEADROOM: Group.STARVED,
    Kind.TRAFFIC: Group.BUSY,
    Kind.NEUTRAL: Group.ODD,
}
_FAILING_HEADROOM = re.compile(r"(?i)availab|apdex|health|ready|alive|uptime|success|(^|_)up$")
# What goes to and from a disk, in names of metrics; so many times as much keeps it busy.
_DISK = re.compile(r"(?i)(?:^|_)(?:fs_(?:reads?|writes?)|disk_?(?:io|reads?|writes?|read|write))")
_DISK_BUSY = 5.0
_ROOM = re.compile(r"(?i)mem|heap|disk|file|space|bytes")


@dataclass(frozen=True)
class Sign:
    """One thing that is not as it was. ``weight`` is 0 (nothing) upwards; 1 is clear, 3 is gross."""

    group: Group
    weight: float
    text: str
    source: str
    query: str
    was: float | None = None
    now: float | None = None
    name: str = ""
    # A sign that speaks of another service is passed on to it: an error that says which call failed.
    about: frozenset[str] = field(default=frozenset())
    # The one record that lines name again and again.
    again: str = ""
    # The whole of a line that says so, with its stack trace.
    whole: str = ""
    # What a service lacks by itself, whatever those do that it calls: processor, memory, room.
    local: bool = False


Signs = Mapping[str, tuple[Sign, ...]]


def group_of(kind: str, metric: str) -> Group:
    """The group of a metric."""
    found = _GROUPS[Kind(kind)]
    if Kind(kind) is Kind.HEADROOM and _FAILING_HEADROOM.search(metric) and not _ROOM.search(metric):
        return Group.FAILING
    return found


def is_local(kind: str, metric: str) -> bool:
    """Whether a metric tells of what a service lacks by itself, and not of waiting for others."""
    found = Kind(kind)
    if group_of(kind, metric) is not Group.STARVED:
        return False
    return found is not Kind.LOAD or _ROOM.search(metric) is not None


def of_metrics(deviations: pl.DataFrame, least: float = 1.5) -> dict[str, list[Sign]]:
    """The signs that metrics give, by service; those less than ``least`` spreads astray are none."""
    found: dict[str, list[Sign]] = {}
    rows = deviations.filter((pl.col("far") >= least) & (pl.col("persists") > 0)).sort("far", descending=True)
    for row in rows.iter_rows(named=True):
        weight = log1p(row["far"]) * row["persists"]
        gone = row["now"] is None
        # That there is no latency any more says that nothing came, and not that it was slow.
        group = Group.ODD if gone or _by_callers(row["metric"]) else group_of(row["kind"], row["metric"])
        text = (
            f"{row['metric']} has stopped" if gone else f"{row['metric']} {_level(row['was'])} → {_level(row['now'])}"
        )
        query = f'{row["metric"]}{{service="{row["service"]}"}}'
        local = not gone and is_local(row["kind"], row["metric"])
        if not gone and _keeps_disk_busy(row["metric"], row["was"], row["now"]):
            group, local = Group.STARVED, True
        sign = Sign(group, weight, text, "metrics", query, row["was"], row["now"], row["metric"], local=local)
        found.setdefault(row["service"], []).append(sign)
    return found


def _keeps_disk_busy(metric: str, was: float | None, now: float) -> bool:
    return _DISK.search(metric) is not None and was is not None and now > _DISK_BUSY * max(was, 1e-9)


def _by_callers(metric: str) -> bool:
    """Whether a metric counts what callers do wrong or break off, which says little of the service itself."""
    found = read(metric)
    return found.theirs and found.kind is Kind.ERRORS


def levels_of(deviations: pl.DataFrame) -> dict[str, dict[str, tuple[Group, float, float]]]:
    """Service -> metric -> its group and its level before and now, of every series that has both."""
    found: dict[str, dict[str, tuple[Group, float, float]]] = {}
    for row in deviations.drop_nulls(["was", "now"]).iter_rows(named=True):
        group = group_of(row["kind"], row["metric"])
        found.setdefault(row["service"], {})[row["metric"]] = (group, row["was"], row["now"])
    return found


def _level(value: float | None) -> str:
    return "nothing" if value is None else f"{value:.4g}"
