"""A small shop as frames: web calls orders, orders calls pay and stock, pay calls db."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from mainstay.learn.diagnosis.domain import Alert, Case, Change, Window
from mainstay.learn.diagnosis.domain.case import LOGS, METRICS

CALLS = (("web", "orders"), ("orders", "pay"), ("orders", "stock"), ("pay", "db"))
SERVICES = ("web", "orders", "pay", "stock", "db")
NORMAL, PROBLEM = Window(0.0, 3600.0), Window(3600.0, 4200.0)
STEP = 15.0


def metrics(seed: int, sick: Mapping[tuple[str, str], float]) -> pl.DataFrame:
    """Samples of both windows; in the problem those of a sick (service, metric) are so many times as large."""
    random = np.random.default_rng(seed)
    times = np.arange(NORMAL.start, PROBLEM.end, STEP)
    frames = []
    for service in SERVICES:
        for metric, level in (
            ("latency_avg_seconds", 0.1),
            ("errors_per_second", 0.2),
            ("requests_per_second", 20.0),
            ("cpu_usage", 0.3),
        ):
            values = level * random.gamma(30, 1 / 30, times.size)
            values[times >= PROBLEM.start] *= sick.get((service, metric), 1.0)
            frames.append(
                pl.DataFrame({"time": times, "service": service, "metric": metric, "value": values}, schema=METRICS)
            )
    return pl.concat(frames)


def lines(*said: tuple[float, str, str, str]) -> pl.DataFrame:
    """Lines as (time, service, level, message)."""
    return pl.DataFrame(list(said), schema=LOGS, orient="row")


def case(
    sick: Mapping[tuple[str, str], float] | None,
    seed: int = 1,
    logs: pl.DataFrame | None = None,
    changes: tuple[Change, ...] | None = None,
    metric: str = "latency_avg_seconds",
) -> Case:
    """An alert of web at the beginning of the problem."""
    found = metrics(seed, sick) if sick is not None else None
    return Case(Alert("web", PROBLEM.start + 60, metric), NORMAL, PROBLEM, found, logs, None, CALLS, changes)


SLOW_DB = {
    ("db", "latency_avg_seconds"): 6.0,
    ("pay", "latency_avg_seconds"): 6.5,
    ("orders", "latency_avg_seconds"): 6.5,
    ("web", "latency_avg_seconds"): 6.5,
}
