"""How quickly log lines come in: acknowledged over HTTP by a running installation, and from files."""

import http.client
import threading
import time
import urllib.parse
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from mainstay.faces.bench.installation import Installation, InstallationError, installation, percentile
from mainstay.faces.bench.log_corpus import corpus

DAY_US = 86_400_000_000
LINES_A_BODY, SENDERS, MAKE = 10_000, 2, 50_000
START_US = 1_767_225_600_000_000


@dataclass(frozen=True)
class Intake:
    """``lines`` sent and acknowledged in ``seconds``; ``stored_seconds`` until all could be found; disk over raw.

    ``changed_ms`` is the p50 of a comparison of two windows.
    """

    way: str
    lines: int
    seconds: float
    stored_seconds: float
    disk_ratio: float
    changed_ms: float = 0.0

    @property
    def rate(self) -> float:
        """Lines acknowledged a second: each is on disk, read, redacted, and has its pattern."""
        return self.lines / self.seconds


def over_http(lines: int, seed: int) -> Intake:
    """Text lines with headers, from two senders, to the plain endpoint."""
    bodies = [body for place in range(0, lines, MAKE) for body in _bodies(min(MAKE, lines - place), seed + place)]
    with installation("") as (here, _):
        here.up()
        _send(here, bodies[:1])
        began = time.monotonic()
        parts = [bodies[place::SENDERS] for place in range(SENDERS)]
        threads = [threading.Thread(target=_send, args=(here, part)) for part in parts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        seconds = time.monotonic() - began
        while here.spool_waits() and time.monotonic() - began < 600:
            time.sleep(0.05)
        stored = time.monotonic() - began
        sent = sum(body.count(b"\n") + 1 for body in bodies)
        return Intake(
            "HTTP, text", sent, seconds, stored, _disk(here) / sum(map(len, [*bodies, bodies[0]])), _changed(here)
        )


def _changed(here: Installation) -> float:
    """Milliseconds (p50) of comparing half an hour with the one before, through the API, another time of day each."""
    took = []
    for hour in range(1, 22):
        day = "2026-01-01T"
        span = urllib.parse.quote(f"{day}{hour:02}:10:00Z to {day}{hour:02}:40:00Z")
        began = time.perf_counter()
        found = here.get(f"/api/v1/logs/changed?services=shop&range={span}")
        took.append((time.perf_counter() - began) * 1000)
        if not found["lines"]:
            raise InstallationError(f"no lines were compared: {found}")
    return percentile(took, 0.5)


def _disk(here: Installation) -> int:
    """Bytes of the tables of log lines, all of it: columns, indexes, counts."""
    parts = "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table IN ('log_lines', 'log_minutes')"
    return int(here.sql(parts)[0][0])


def _bodies(count: int, seed: int) -> list[bytes]:
    """Bodies of lines as a Java service would write them, stack traces over several lines."""
    piece = corpus(count, seed, START_US, START_US + DAY_US)
    written = piece.select(
        pl.concat_str(
            pl.from_epoch("time", "us").dt.strftime("%Y-%m-%d %H:%M:%S,%3f"),
            pl.col("level").replace({"warning": "WARN"}).str.to_uppercase(),
            pl.lit("[worker-3] shop.") + pl.col("service") + pl.lit(".Main:"),
            "body",
            separator=" ",
        )
    ).to_series()
    lines = "\n".join(written).split("\n")
    return ["\n".join(lines[at : at + LINES_A_BODY]).encode() for at in range(0, len(lines), LINES_A_BODY)]


def _send(here: Installation, bodies: Sequence[bytes]) -> None:
    parts = urllib.parse.urlsplit(here.url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    headers = {"Authorization": f"Bearer {here.token}", "Content-Type": "text/plain"}
    for body in bodies:
        while True:
            connection.request("POST", "/api/v1/logs?service=shop", body, headers)
            with connection.getresponse() as answer:
                answer.read()
            if answer.status < 300:
                break
            time.sleep(float(answer.headers.get("Retry-After") or 1))


def from_files(lines: int, seed: int) -> Intake:
    """The same lines from a file on this machine, kept as intake keeps them, without a network between."""
    bodies = [body for place in range(0, lines, MAKE) for body in _bodies(min(MAKE, lines - place), seed + place)]
    with installation("") as (here, _):
        here.up()
        file = here.home / "shop.log"
        file.write_bytes(b"\n".join(bodies) + b"\n")
        sent = sum(body.count(b"\n") + 1 for body in bodies)
        began = time.monotonic()
        here.command("import", "logs", str(file))
        seconds = time.monotonic() - began
        while here.spool_waits() and time.monotonic() - began < 600:
            time.sleep(0.05)
        return Intake("files", sent, seconds, time.monotonic() - began, _disk(here) / file.stat().st_size)
