"""What log lines say about each service that they did not say before. Pure.

New and more frequent patterns count, by their level and by how surprising their number is (see ``logs.compare``). What
a service says less of, it may be asked less, so silence is no sign. A line that names another service speaks of that
one.
"""

import re
from collections.abc import Collection, Iterator
from dataclasses import replace
from math import log1p
from typing import Any, Final

import polars as pl

from mainstay.learn.diagnosis.domain.case import Window
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign
from mainstay.observe.logs import compare
from mainstay.observe.logs.patterns.miner import Miner, tag_all

# What a level weighs, and how many differences are looked at.
_LEVEL: Final = {"fatal": 1.2, "error": 1.0, "warning": 0.55, "": 0.3, "info": 0.25, "debug": 0.15, "trace": 0.1}
_MOST: Final = 300
_SAMPLES: Final = 400
_USUAL: Final = 12
# As many lines are read, spread evenly over both windows where there are more.
LINES: Final = 3_000_000
_SLOW = re.compile(
    r"(?i)\bslow|time[d\s]?-?out|deadline|took (?:too )?long|latency|exceed\w* \S*ms\b|lag\b|overran|still running|"
    r"waiting (?:for|on)\b|lock (?:is )?held|lock wait|blocked|\bstuck|\bhung\b|\bhangs?\b"
)
_STARVED = re.compile(
    r"(?i)no space|disk (?:is )?full|quota|out of memory|\boom\b|memory (?:limit|pressure)|heap|exhaust|pool|too many|"
    r"saturat|throttl|cpu (?:time|usage|limit|load|quota|pressure|at \d)|high cpu|backpressure|evict|swap|"
    r"file descriptors|capacity"
)
_FAILS = re.compile(
    r"(?i)\berror|fail|exception|panic|refus|reject|denied|invalid|cannot|can't|unable|mismatch|crash|abort|expire[ds]"
)
# What names one record: a word for one with a number of some length behind it.
_RECORD: Final = (
    r"(?i)((?:id|offset|record|message|msg|key|order|item|row|event|document)\w*[=:# ]+"
    r"[\w\-#/.]*\d[\w\-]*\d{3,}[\w\-]*)"
)
# So much of a line is held against patches.
_WHOLE: Final = 6000
# Each end of a stack trace is told so far.
_END: Final = 100
_ENOUGH_OF_ONE: Final = 5
_WORDS = re.compile(r"[A-Za-z0-9][A-Za-z0-9_\-]+")


def signs(logs: pl.DataFrame, normal: Window, problem: Window, services: Collection[str]) -> dict[str, list[Sign]]:
    """The signs that lines give, by service. ``services`` are those that a line may name."""
    before, during = _some(normal.of(logs), problem.of(logs))
    if during.is_empty():
        return {}
    both = pl.concat([before.select("service", "level", "message"), during.select("service", "level", "message")])
    numbers, miner = tag_all(both["message"].fill_null(""))
    cut = before.height
    levels = (
        both["level"].fill_null("").str.to_lowercase().replace({"warn": "warning", "critical": "fatal", "err": "error"})
    )
    parts = [(numbers.head(cut), both["service"].head(cut), levels.head(cut))]
    parts.append((numbers.slice(cut), both["service"].slice(cut), levels.slice(cut)))
    counts = [compare.counts_of(*part) for part in parts]
    lengths = [max(one.seconds, 1.0) for one in (normal, problem)]
    ranked = compare.compare(counts[0], counts[1], *lengths) if cut else _all_new(counts[1])
    late = pl.DataFrame({"pattern": parts[1][0], "service": parts[1][1], "message": both["message"].slice(cut)})
    found: dict[str, list[Sign]] = {}
    for row in ranked.head(_MOST).iter_rows(named=True):
        sign = _sign(row, miner, services)
        if sign is not None and sign.group is Group.FAILING and row["kind"] == "new":
            texts = late.filter((pl.col("pattern") == row["pattern"]) & (pl.col("service") == row["service"]))[
                "message"
            ]
            sign = replace(sign, again=_same_record(texts))
        if sign is not None:
            found.setdefault(row["service"] or "", []).append(sign)
    for service, sign in _moved(both, numbers, cut, miner):
        found.setdefault(service, []).append(sign)
    return found


def _some(*windows: pl.DataFrame) -> list[pl.DataFrame]:
    """Every n-th line of all of them, so that their numbers can be compared."""
    step = -(-sum(one.height for one in windows) // LINES)
    return [one.gather_every(step) if step > 1 else one for one in windows]


def _all_new(counts: pl.DataFrame) -> pl.DataFrame:
    """What may be said where nothing is known of before: nothing is new, but errors are errors."""
    grave = counts.filter(pl.col("level").is_in(["fatal", "error"])).with_columns(pl.col("lines").cast(pl.Float64))
    return grave.select(
        "pattern",
        "service",
        "level",
        pl.lit("more").alias("kind"),
        pl.lit(0.0).alias("before"),
        pl.col("lines").alias("during"),
        pl.lit(0.0).alias("expected"),
        pl.col("lines").log1p().alias("score"),
    ).sort("score", descending=True)


def _sign(row: dict[str, Any], miner: Miner, services: Collection[str]) -> Sign | None:
    if row["kind"] not in {"new", "more"}:
        return None
    pattern = miner.pattern(row["pattern"])
    text = pattern.template if pattern else ""
    level = str(row["level"])
    group = group_of_text(text, level)
    weight = _LEVEL.get(level, 0.3) * row["score"] / compare.LEVEL_WEIGHT.get(level, 1.0)
    if group is None:
        group, weight = Group.ODD, weight * 0.5
    elif level in {"", "info", "debug", "trace"}:
        weight = max(weight, 0.5 * row["score"] / compare.LEVEL_WEIGHT.get(level, 1.0))
    verb = (
        "says for the first time"
        if row["kind"] == "new"
        else f"says {row['during']:.0f} times, not {row['expected']:.0f}"
    )
    example = _in_short(pattern.example if pattern else "")
    named = frozenset(one for one in mentioned(text, services) if one != row["service"])
    query = f'service:{row["service"]} "{_piece(text)}"'
    whole = pattern.example[:_WHOLE] if pattern else ""
    return Sign(group, min(weight, 5.0), f"{verb}: {example}", "logs", query, name=text, about=named, whole=whole)


def _in_short(example: str) -> str:
    """A line; of a stack trace what it begins and what it ends with, which tell the most."""
    parts = [one.strip() for one in example.splitlines() if one.strip()]
    ends = parts if len(parts) < 2 else (parts[0][:_END], parts[-1][:_END])
    return " ".join(" … ".join(ends).split())[: 2 * _END]


def group_of_text(text: str, level: str) -> Group | None:
    """The group of symptoms that a line tells of, or nothing."""
    for group, words in ((Group.STARVED, _STARVED), (Group.SLOW, _SLOW)):
        if words.search(text) and (
            level not in {"info", "debug", "trace"} or _FAILS.search(text) or group is Group.SLOW
        ):
            return group
    if level in {"error", "fatal"} or _FAILS.search(text):
        return Group.FAILING
    return None


def mentioned(text: str, services: Collection[str]) -> set[str]:
    """The services that a text names, as whole words."""
    words = {one.lower() for one in _WORDS.findall(text)}
    return {one for one in services if one.lower() in words}


def _same_record(texts: pl.Series) -> str:
    """The one record that nearly all lines of a pattern name, or nothing."""
    if texts.len() < _ENOUGH_OF_ONE:
        return ""
    named = texts.str.extract(_RECORD, 1).drop_nulls()
    if named.len() < 0.8 * texts.len():
        return ""
    record, lines = named.value_counts(sort=True).row(0)
    return str(record) if lines >= 0.9 * texts.len() else ""


def _piece(template: str) -> str:
    """The longest part of a template that a search can look for."""
    parts = [one.strip(" '\"") for one in re.split(r"<[^<>]*>|\"", template)]
    return max(parts, key=len, default="")[:80]


def _moved(both: pl.DataFrame, numbers: pl.Series, cut: int, miner: Miner) -> Iterator[tuple[str, Sign]]:
    """Numbers within usual lines that are not what they were, such as how long a request took."""
    frame = both.with_columns(pattern=numbers, after=pl.int_range(both.height, eager=True) >= cut)
    common = (
        frame.group_by("pattern", "service")
        .agg(after=pl.col("after").sum(), lines=pl.len())
        .filter((pl.col("after") >= compare.LEAST_VALUES) & (pl.col("lines") - pl.col("after") >= compare.LEAST_VALUES))
        .sort("lines", descending=True)
        .head(_USUAL)
    )
    for number, service in common.select("pattern", "service").iter_rows():
        pattern = miner.pattern(number)
        if pattern is None:
            continue
        lines = frame.filter((pl.col("pattern") == number) & (pl.col("service") == service))
        texts = [lines.filter(pl.col("after") == when)["message"] for when in (False, True)]
        samples = [one.gather_every(max(one.len() // _SAMPLES, 1)) for one in texts]
        for one in compare.moved(samples[0], samples[1], pattern.template):
            if one.ratio > 1 and one.share == 0.0:
                text = f"a value rose from {one.before} to {one.during} in: {pattern.template[:160]}"
                weight = min(log1p(one.ratio) * 0.9, 3.0)
                query = f'service:{service} "{_piece(pattern.template)}"'
                yield service, Sign(Group.SLOW, weight, text, "logs", query, name=pattern.template)
                break
