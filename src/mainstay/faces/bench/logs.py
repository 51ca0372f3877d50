"""All measurements of logs with their goals, as rows that read alike."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from mainstay.faces.bench import log_diff, log_intake, log_patterns, log_search
from mainstay.faces.bench.figures import Figure, at_least, at_most

GOAL_GA, GOAL_FGA, GOAL_FTA, GOAL_RAW_GA = 0.95, 0.94, 0.65, 0.85
GOAL_TAGGED, GOAL_HTTP, GOAL_FILES, GOAL_DISK = 1_000_000, 150_000, 300_000, 0.2
GOAL_TOLD, GOAL_DIFF_MS, DIFF_SEEDS = 0.9, 300, 5


def parts(labelled: Path | None, lines: int, seed: int) -> Mapping[str, Callable[[], list[Figure]]]:
    """The parts by name, each a call that measures it."""
    known: dict[str, Callable[[], list[Figure]]] = {
        "tagging": partial(_tagging, lines, seed),
        "intake": partial(_intake, lines, seed),
        "files": partial(_files, lines, seed),
        "search": partial(_search, lines, seed),
        "diff": partial(_diff, seed),
    }
    return {"patterns": partial(_patterns, labelled), **known} if labelled else known


def _patterns(labelled: Path) -> list[Figure]:
    *sets, mean = log_patterns.accuracy(labelled)
    found = [Figure(f"{one.name}: GA / FGA / FTA / raw GA", round(one.ga, 3), "GA", "", _three(one)) for one in sets]
    found += [
        at_least("mean GA, headers split", mean.ga, "", GOAL_GA),
        at_least("mean FGA", mean.fga, "", GOAL_FGA),
        at_least("mean FTA", mean.fta, "", GOAL_FTA),
    ]
    if mean.raw_ga is not None:
        found.append(at_least("mean GA, raw lines", mean.raw_ga, "", GOAL_RAW_GA))
    return found


def _three(one: log_patterns.Accuracy) -> str:
    raw = "-" if one.raw_ga is None else f"{one.raw_ga:.3f}"
    return f"{one.fga:.3f} / {one.fta:.3f} / {raw}"


def _tagging(lines: int, seed: int) -> list[Figure]:
    found = log_patterns.tagging(lines, seed)
    return [at_least("tagging", found.lines_per_cpu_second, "lines a CPU second", GOAL_TAGGED)]


def _intake(lines: int, seed: int) -> list[Figure]:
    found = log_intake.over_http(lines, seed)
    return [
        at_least("intake over HTTP, durable with patterns", found.rate, "lines/s", GOAL_HTTP),
        Figure("intake over HTTP until searchable", round(found.lines / found.stored_seconds), "lines/s"),
        at_most("disk over raw", found.disk_ratio, "", GOAL_DISK),
        at_most("what changed between two windows", found.changed_ms, "ms p50", GOAL_DIFF_MS),
    ]


def _files(lines: int, seed: int) -> list[Figure]:
    found = log_intake.from_files(lines, seed)
    return [at_least("intake from files", found.rate, "lines/s", GOAL_FILES)]


def _search(lines: int, seed: int) -> list[Figure]:
    found = []
    for one in log_search.bench_search(lines, seed=seed):
        rg = "-" if one.rg_ms is None else f"{one.rg_ms:.0f} ms"
        lnav = "-" if one.lnav_ms is None else f"{one.lnav_ms:.0f} ms"
        found.append(at_most(f"search: {one.name}", one.p50_ms, "ms p50", one.goal_ms, f"ripgrep {rg}, lnav {lnav}"))
    return found


def _diff(seed: int) -> list[Figure]:
    told = log_diff.run(DIFF_SEEDS, seed)
    rows = [Figure(f"{one.fault}, seed {one.seed}", one.place, "place", "", one.first[:80]) for one in told]
    share = sum(one.reached for one in told) / len(told)
    return [*rows, at_least("telling line in the first three", share, "of faults", GOAL_TOLD)]
