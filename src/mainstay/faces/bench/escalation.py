"""How long a case for developers takes over millions of log lines, and whether a stranger can answer from it."""

import io
import time
from collections.abc import Callable
from datetime import timedelta

import polars as pl

from mainstay.core import clock
from mainstay.faces.bench.figures import Figure, at_least, at_most
from mainstay.faces.bench.installation import own_database
from mainstay.faces.bench.log_corpus import corpus

Say = Callable[[str], None]
GOAL_SECONDS = 10.0
_PIECE = 50_000


def run(lines: int, seed: int, say: Say) -> list[Figure]:
    """The scenes, each in a store of its own data, then one of them among so many lines of its window."""
    with own_database():
        from mainstay.faces.bench.log_search import engine

        with engine():
            right, asked = _receipts(say)
            figures = _large(lines, seed)
    return [at_least(f"answers of {asked} that a stranger finds", right / asked, "", 1.0), *figures]


def _receipts(say: Say) -> tuple[int, int]:
    from mainstay.core.access import SYSTEM
    from mainstay.faces.bench import escalation_scenes as scenes
    from mainstay.faces.bench.escalation_reader import CaseFile
    from mainstay.learn.escalation import build

    right = asked = 0
    for scene in scenes.SCENES:
        incident = scenes.open_incident(scene)
        _settle()
        truth = scenes.wanted(scene, incident.started_at)
        case = CaseFile(build.build(SYSTEM, incident.pk).content)
        wrong = scenes.score(case.answers(), truth)
        for one in wrong:
            say(f"{scene.name}: no answer to {one}")
        asked += len(truth)
        right += len(truth) - len({one.partition(":")[0] for one in wrong})
    return right, asked


def _settle() -> None:
    from mainstay.observe.telemetry import services as telemetry

    telemetry.spool().take_lock()
    while telemetry.drain_once().rows:
        continue


def _large(lines: int, seed: int) -> list[Figure]:
    from mainstay.core.access import SYSTEM
    from mainstay.faces.bench import escalation_scenes as scenes
    from mainstay.learn.escalation import build
    from mainstay.respond.incidents.models import Incident

    scene = scenes.SCENES[0]
    incident = Incident.objects.get(title=f"{scene.name} is slow")
    _fill(lines, seed, scene.chain)
    began = time.perf_counter()
    made = build.build(SYSTEM, incident.pk)
    took = time.perf_counter() - began
    return [
        at_most(f"a case over {lines:,} lines of its window", took, "s", GOAL_SECONDS),
        Figure("its file", round(len(made.content) / 1_000_000, 2), "MB"),
    ]


def _fill(lines: int, seed: int, services: tuple[str, ...]) -> None:
    """Lines of a shop under the names of the scene's services, over its normal time and its problem."""
    from mainstay.faces.bench import escalation_scenes as scenes
    from mainstay.observe.logs import frame
    from mainstay.observe.telemetry import client, schema

    now = clock.now()
    start = int((now - timedelta(minutes=scenes.SICK)).timestamp() * 1_000_000)
    length = scenes.SICK * 60 * 1_000_000
    insert = schema.LOG_LINES.insert()
    for place in range(0, lines, _PIECE):
        count = min(_PIECE, lines - place)
        piece = corpus(count, seed + place, start + length * place // lines, start + length * (place + count) // lines)
        names = pl.Series(services).gather(pl.int_range(count, eager=True) % len(services))
        batch = io.BytesIO()
        frame.complete(piece.with_columns(service=names), int(now.timestamp() * 1000), 14).write_ipc_stream(batch)
        client.connect().insert(insert, batch.getvalue(), f"bench-{place}")
