"""Commands on log lines: search, follow, export."""

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mainstay.faces.cli import log_care, log_files, log_formats
from mainstay.faces.cli.output import USAGE, fail, plain, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

if TYPE_CHECKING:
    from mainstay.observe.logs.search.answers import Line, Scan
    from mainstay.observe.logs.search.times import Range

app = typer.Typer(help="Search log lines, follow them, and write them to files.", no_args_is_help=True)
log_files.register(app)
log_care.register(app)
app.add_typer(log_formats.app, name="format")
Query = Annotated[str, typer.Argument(help="What to look for, for example 'level:>=error timeout'. Empty: everything.")]
Since = Annotated[str, typer.Option(help="How far back: 15m, 2h, 7d.")]
RangeText = Annotated[
    str, typer.Option("--range", help="Instead of --since: '-2h to -1h', two moments, or 'around incident 12'.")
]
EVERY = 1.0


def _range(since: str, text: str) -> "Range":
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.logs import range_of

    return range_of(LOCAL, text or f"last {since}")


def _print(lines: "Iterable[Line]", *, as_json: bool) -> None:
    """A line each, as JSON or as text with the time in UTC."""
    import orjson

    from mainstay.faces.api.logs import line as plain_line
    from mainstay.observe.logs.search.times import stamp

    for one in lines:
        if as_json:
            print(orjson.dumps(plain_line(one)).decode(), flush=True)
        else:
            print(f"{stamp(one.time)} {one.level or '-':7} {one.service or '-'} {one.body}", flush=True)


def _told(scan: "Scan") -> str:
    from mainstay.observe.logs.search.times import stamp

    count = f"{scan.matched:,}" if scan.exact else f"at least {scan.matched:,}"
    cut = ", the newest are shown" if scan.cut else ""
    return (
        f"{stamp(scan.start)} to {stamp(scan.end)}: {count} match{cut}; "
        f"{scan.read_lines:,} lines read in {scan.elapsed_ms:.0f} ms, nothing sampled"
    )


@app.command()
def search(
    query: Query = "",
    since: Since = "1h",
    range_text: RangeText = "",
    limit: Annotated[int, typer.Option(min=1, help="How many lines at most, the newest.")] = 100,
    sql: Annotated[str, typer.Option(help="Run this SELECT over log_lines and log_minutes instead.")] = "",
    show_sql: Annotated[bool, typer.Option("--show-sql", help="Print the search as SQL, and run nothing.")] = False,
    as_json: Json = False,
) -> None:
    """Search log lines; the newest come last. With --json a JSON object a line."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.observe.logs.search import services

    if sql:
        answer = services.sql(LOCAL, sql)
        rows = [dict(zip(answer.names, map(plain, row), strict=True)) for row in answer.rows]
        show_rows(rows, as_json=as_json)
        say(f"{len(rows):,} rows{', more were cut' if answer.cut else ''}; {answer.elapsed_ms:.0f} ms")
        return
    if show_sql:
        print(services.as_sql(LOCAL, query, _range(since, range_text), limit))
        return
    page = services.search(LOCAL, query, _range(since, range_text), limit)
    _print(reversed(page.lines), as_json=as_json)
    say(_told(page.scan))


@app.command()
def tail(
    query: Query = "",
    since: Annotated[str, typer.Option(help="Show what came in this far back first, such as 5m.")] = "",
    as_json: Json = False,
) -> None:
    """Follow log lines as they come in, until Ctrl-C."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.observe.logs.search import services

    newest = services.number_now()
    known: set[int] = set()
    if since:
        lines = services.search(LOCAL, query, _range(since, ""), 100).lines[::-1]
        _print(lines, as_json=as_json)
        known = {one.id for one in lines}
    while True:
        fresh = [one for one in services.tail(LOCAL, query, newest) if one.id not in known]
        _print(fresh, as_json=as_json)
        newest = max([newest, *(one.id for one in fresh)])
        # Lines of the last seconds are given again, so that late ones are not missed.
        known = {number for number in known if number > newest - 2 * services.TAIL_OVERLAP} | {one.id for one in fresh}
        time.sleep(EVERY)


@app.command()
def export(
    file: Annotated[Path, typer.Argument(help="Where to write; its ending says how: .csv, .ndjson, .parquet. Or -.")],
    query: Query = "",
    since: Since = "1h",
    range_text: RangeText = "",
    form: Annotated[str, typer.Option("--format", help="csv, ndjson or parquet, instead of by the ending.")] = "",
) -> None:
    """Write all lines that match to a file, the oldest first, however many."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.observe.logs.search import services

    chunks = services.export(LOCAL, query, _range(since, range_text), form or file.suffix.removeprefix(".") or "ndjson")
    if str(file) == "-":
        for chunk in chunks:
            sys.stdout.buffer.write(chunk)
        return
    part = file.with_name(f"{file.name}.part")
    try:
        with part.open("wb") as out:
            for chunk in chunks:
                out.write(chunk)
        part.replace(file)
    except OSError as error:
        fail(f"{file}: {error.strerror}", USAGE)
    finally:
        part.unlink(missing_ok=True)
    say(f"{file}: {file.stat().st_size:,} bytes")


@app.command()
def changed(
    services: Annotated[list[str], typer.Argument(help="Keys of services, for example payments.")],
    since: Since = "10m",
    range_text: RangeText = "",
    baseline: Annotated[str, typer.Option(help="before, week or release: what to compare with.")] = "before",
    limit: Annotated[int, typer.Option(min=1, help="How many differences at most.")] = 20,
    as_json: Json = False,
) -> None:
    """Rank what changed in the stored logs of services: patterns new, gone, more, fewer, values that moved, silence."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import logs

    found = logs.changed(LOCAL, services, _range(since, range_text), baseline, limit)
    rows = list(map(logs.change, found.changes))
    brief = ("kind", "level", "service", "before", "during", "score", "template", "moved")
    show_rows(rows if as_json else [{name: row[name] for name in brief} for row in rows], as_json=as_json)
    say(f"{found.lines:,} lines, held against {found.before.start:%F %T} to {found.before.end:%F %T} UTC")
