"""``mainstay report``: a shift, a week or a month in figures."""

import sys
from typing import Annotated

import typer

from mainstay.faces.cli.output import USAGE, fail, show_one
from mainstay.faces.cli.setup import use_django


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(report)


def report(
    kind: Annotated[str, typer.Argument(help="shift, week or month.")],
    team: Annotated[str, typer.Option(help="Key of a team; empty: everything.")] = "",
    at: Annotated[
        str, typer.Option(help="A moment in it, with its offset, or now; empty: the last that is over.")
    ] = "",
    zone: Annotated[str, typer.Option(help="Time zone; empty: the default.")] = "",
    shifts: Annotated[str, typer.Option(help="When shifts begin: 06:00,14:00,22:00. Empty: as the setting says.")] = "",
    form: Annotated[str, typer.Option("--format", help="md, html, pdf or json.")] = "md",
) -> None:
    """Write a report to standard output: what there was, beside the time before, and what the difference means."""
    use_django()
    from mainstay.core import documents
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import reports
    from mainstay.learn.reports import services

    if form not in {*documents.FORMATS, "json"}:
        fail("--format: write md, html, pdf or json", USAGE)
    wanted = reports.wanted_of({"kind": kind, "team": team, "at": at, "zone": zone, "shifts": shifts})
    if form == "json":
        show_one(reports.shown(LOCAL, wanted), as_json=True)
        return
    sys.stdout.buffer.write(reports.body_of(services.report(LOCAL, wanted), form))
    sys.stdout.buffer.flush()
