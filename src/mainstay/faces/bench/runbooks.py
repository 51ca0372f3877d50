"""What a run over many machines costs beside bare asyncssh, how much memory it takes, and how fast it stops.

Both sides make the same connections to the same sshd on this machine, with its key enforced, and run the same program;
they take turns, and the medians are compared. The guards of a run are all there: ramp, gate, leases, rows, output.
"""

import asyncio
import gc
import resource
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mainstay.faces.bench import sshd
from mainstay.faces.bench.figures import Figure, at_most
from mainstay.faces.bench.installation import own_database

OVERHEAD = 20.0
MEMORY_MB = 300.0
STOP_SECONDS = 1.0
_SECRET = "bench"  # noqa: S105 - its name, which is none
_CODE = 'echo "hello from $RUNBOOK_TARGET"'


def run(targets: int, concurrency: int, rounds: int) -> list[Figure]:
    """The three figures."""
    with (
        own_database(),
        tempfile.TemporaryDirectory(prefix="mainstay-bench-") as place,
        sshd.running(Path(place)) as server,
    ):
        keys = _prepared(server, targets)
        gc.collect()
        gc.freeze()  # As the worker does.
        ours, ramped, bare = [], [], []
        memory = 0.0
        for _ in range(rounds):
            ours.append(_ours(keys, concurrency, ramp=False))
            # The most that this process ever took, before anything else has run in it.
            memory = memory or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            bare.append(asyncio.run(_bare(server, keys, concurrency)))
            ramped.append(_ours(keys, concurrency, ramp=True))
        stop = _stop(keys, concurrency)
    plain = statistics.median(bare)
    over, waves = ((statistics.median(one) / plain - 1) * 100 for one in (ours, ramped))
    beside = f"bare {plain:.1f} s, as a run {statistics.median(ours):.1f} s, {rounds} rounds"
    slow = f"as a run {statistics.median(ramped):.1f} s: 1, 2, 4 … targets, each wave when the one before has ended"
    return [
        at_most(f"{targets} targets, {concurrency} at once: longer than bare asyncssh", over, "%", OVERHEAD, beside),
        Figure("the same with a ramp, which waits on purpose", round(waves, 3), "%", beside=slow),
        at_most("memory of the process", memory, "MB", MEMORY_MB, "the most, with all of Mainstay loaded"),
        at_most(
            f"panic stop with {concurrency} steps running",
            stop,
            "s",
            STOP_SECONDS,
            "until all are dead and written down",
        ),
    ]


def _prepared(server: sshd.Server, targets: int) -> list[str]:
    from mainstay.catalog.models import Service
    from mainstay.core import secrets
    from mainstay.restore.runbooks.models import Host

    secrets.put(_SECRET, server.private_key)
    Service.objects.create(key="bench", name="Bench")
    keys = [f"host-{number:04}" for number in range(targets)]
    Host.objects.bulk_create(
        Host(key=key, name=key, address=server.address, secret=_SECRET, host_key=server.host_key, groups=["bench"])
        for key in keys
    )
    return keys


def _drafted(keys: Sequence[str], concurrency: int, code: str, *, ramp: bool) -> Any:
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import books, services

    text = (
        "---\nkey: bench\ntitle: Bench\nservices: [bench]\napproval: none\ntargets: {groups: [bench]}\n"
        f"parallel: {concurrency}\nramp: {str(ramp).lower()}\n---\n\n```shell id=hello with=sh\n{code}\n```\n"
    )
    books.save(LOCAL, text)
    made = services.propose(LOCAL, "bench", {}, targets=keys, reason="To measure it")
    services.start(LOCAL, made.pk)
    return made


def _ours(keys: Sequence[str], concurrency: int, *, ramp: bool) -> float:
    """A run from the moment that the worker takes it up until it is done."""
    from mainstay.restore.runbooks.execution import loop
    from mainstay.restore.runbooks.models import Run

    made = _drafted(keys, concurrency, _CODE, ramp=ramp)
    began = time.perf_counter()
    taken = loop.claim()
    if taken is None:
        raise RuntimeError("there is nothing to run")
    loop.carry(taken)
    took = time.perf_counter() - began
    made.refresh_from_db()
    if made.state != Run.State.DONE:
        raise RuntimeError(f"the run is {made.state}: {made.state_reason}")
    return took


async def _bare(server: sshd.Server, keys: Sequence[str], concurrency: int) -> float:
    """The same connections and programs with asyncssh alone."""
    import asyncssh

    room = asyncio.Semaphore(concurrency)
    user, _, _ = server.address.partition("@")
    known = asyncssh.import_known_hosts(f"[127.0.0.1]:{server.port} {server.host_key}\n")
    client = asyncssh.import_private_key(server.private_key)

    async def one(key: str) -> None:
        async with (
            room,
            asyncssh.connect(
                "127.0.0.1",
                server.port,
                username=user,
                client_keys=[client],
                known_hosts=known,
                config=None,
                agent_path=None,
                preferred_auth="publickey",
            ) as connection,
        ):
            text = f"export RUNBOOK_TARGET={key}; exec sh -c '{_CODE}' </dev/null\n"
            done = await connection.run("exec sh", input=text, check=True)
            if str(done.stdout) != f"hello from {key}\n":
                raise RuntimeError(f"{key} answered {done.stdout!r}")

    began = time.perf_counter()
    await asyncio.gather(*(one(key) for key in keys))
    return time.perf_counter() - began


def _stop(keys: Sequence[str], concurrency: int) -> float:
    """Seconds from the panic stop until every program is dead and every step is written down as ended."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import services
    from mainstay.restore.runbooks.execution import loop
    from mainstay.restore.runbooks.models import Run, StepRun

    made = _drafted(keys, concurrency, "sleep 120", ramp=False)
    worker, ended, bell = loop.Runs(), threading.Event(), threading.Event()

    def work() -> None:
        from django.db import connection

        while not ended.is_set():
            worker.run_due()
            # As the loop of the worker, which the doorbell wakes.
            bell.wait(0.5)
            bell.clear()
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        _until(lambda: made.steps.filter(state=StepRun.State.RUNNING).count() >= min(concurrency, len(keys)))
        began = time.perf_counter()
        services.stop(LOCAL, made.pk)
        bell.set()
        _until(lambda: not made.steps.filter(state=StepRun.State.RUNNING).exists())
        _until(lambda: not _alive(str(made)))
        took = time.perf_counter() - began
        _until(lambda: Run.objects.filter(pk=made.pk, state=Run.State.STOPPED).exists())
        return took
    finally:
        ended.set()
        bell.set()
        thread.join()


def _alive(run: str) -> bool:
    """Whether any program of a run still lives; the targets are this machine."""
    sought = f"RUNBOOK_RUN={run}".encode()
    for place in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if sought in (place / "environ").read_bytes().split(b"\0"):
                return True
    return False


def _until(holds: Any) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        if time.monotonic() > deadline:
            raise RuntimeError("waited in vain")
        time.sleep(0.03)
