"""The command of the log agent."""

import os
import signal
import socket
import threading
from pathlib import Path
from typing import Annotated

import typer

from mainstay.faces.cli.output import USAGE, fail
from mainstay.faces.cli.setup import say


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(tail)


def tail(
    files: Annotated[list[str], typer.Argument(help="SERVICE=GLOB, for example payments=/var/log/payments/*.log")],
    to: Annotated[str, typer.Option(help="Address of Mainstay.")] = "http://127.0.0.1:8000",
    token_file: Annotated[
        Path | None, typer.Option(help="File with a token of scope intake. Else MAINSTAY_TOKEN.")
    ] = None,
    checkpoint: Annotated[Path, typer.Option(help="Where to remember how far each file was sent.")] = Path(
        "mainstay-tail.json"
    ),
    host: Annotated[str, typer.Option(help="Name of this host in its lines. Else its own.")] = "",
    rotated: Annotated[
        bool, typer.Option("--rotated", help="At the first start send rotated files too, those of gzip unpacked.")
    ] = False,
    once: Annotated[bool, typer.Option("--once", help="Send what is there and end.")] = False,
) -> None:
    """Follow log files on this host and send their lines to Mainstay."""
    from mainstay.observe.logs.agent.run import Target, run

    patterns = []
    for one in files:
        service, equals, pattern = one.partition("=")
        if not equals or not service or not pattern:
            fail(f"{one!r}: write SERVICE=GLOB", USAGE)
        patterns.append((service, str(Path(pattern).absolute())))
    try:
        token = token_file.read_text(encoding="utf-8").strip() if token_file else os.environ.get("MAINSTAY_TOKEN", "")
    except OSError as error:
        fail(f"{token_file}: {error.strerror}", USAGE)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    target = Target(to.rstrip("/"), token, host or socket.gethostname())
    sent = run(patterns, target, checkpoint, stop, once=once, rotated=rotated)
    say(f"{sent} lines sent")
