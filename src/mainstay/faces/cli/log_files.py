"""Commands on log files that need no server: patterns, and what changed between two."""

import csv
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mainstay.faces.cli.log_formats import formats_in
from mainstay.faces.cli.output import USAGE, fail, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

if TYPE_CHECKING:
    import polars as pl

    from mainstay.observe.logs.formats.definition import Format

Plain = Annotated[bool, typer.Option("--plain", help="Lines are bare messages, without a header.")]
Formats = Annotated[
    Path | None, typer.Option("--formats", help="A configuration file whose log_formats are used; not with --plain.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(patterns)
    app.command()(diff)


def _lines(path: Path) -> "pl.Series":
    from mainstay.observe.logs import offline

    try:
        return offline.lines_of(path)
    except offline.FileError as error:
        fail(str(error), USAGE)


def _formats(path: Path | None, *, plain: bool) -> Sequence["Format"]:
    if path is None:
        return ()
    if plain:
        fail("--plain takes each line as it is: leave it out, or leave --formats out", USAGE)
    use_django()
    return formats_in(path)


def patterns(
    file: Annotated[Path, typer.Argument(help="A log file; .gz, .bz2 and .xz are unpacked.")],
    as_csv: Annotated[
        bool, typer.Option("--csv", help="Print line, group and template of each physical line as CSV.")
    ] = False,
    plain: Plain = False,
    formats: Formats = None,
    limit: Annotated[int, typer.Option(min=1, help="How many patterns at most, without --csv.")] = 100,
    as_json: Json = False,
) -> None:
    """Find the patterns of a log file, with the code that mines what comes in. No server is needed."""
    import polars as pl

    from mainstay.core import clock
    from mainstay.observe.logs import offline

    found = offline.patterns(_lines(file), clock.now(), _formats(formats, plain=plain), plain=plain)
    if as_csv:
        writer = csv.writer(sys.stdout, lineterminator="\n")
        writer.writerow(found.columns)
        writer.writerows(found.iter_rows())
        return
    counted = found.group_by("template").agg(lines=pl.len(), first=pl.col("line").min()).sort("lines", descending=True)
    rows = [
        {"lines": lines, "first": first, "template": text} for text, lines, first in counted.head(limit).iter_rows()
    ]
    show_rows(rows, as_json=as_json)
    say(f"{counted.height:,} patterns in {found.height:,} lines")


def diff(
    before: Annotated[Path, typer.Argument(help="The file from before.")],
    during: Annotated[Path, typer.Argument(help="The file from the time in question.")],
    plain: Plain = False,
    formats: Formats = None,
    limit: Annotated[int, typer.Option(min=1, help="How many differences at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Rank what changed from one log file to another: patterns new, gone, more or fewer, and values that moved."""
    from mainstay.core import clock
    from mainstay.observe.logs import offline

    found = offline.diff(_lines(before), _lines(during), clock.now(), _formats(formats, plain=plain), plain=plain)[
        :limit
    ]
    rows = [{**asdict(one), "score": round(one.score, 2)} for one in found]
    show_rows(rows, as_json=as_json)
