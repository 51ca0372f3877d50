"""Commands of the SQL desk."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from mainstay.faces.cli import sql_jobs
from mainstay.faces.cli.output import NOT_FOUND, USAGE, fail, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

if TYPE_CHECKING:
    from mainstay.restore.sqldesk.judge import Dialect

app = typer.Typer(help="Examine databases, and ask whether a statement only reads.", no_args_is_help=True)
app.add_typer(sql_jobs.app, name="jobs")


@app.callback()
def _group() -> None:
    """Examine databases, and ask whether a statement only reads."""


@app.command()
def check(
    dialect: Annotated[str, typer.Option(help="Whose SQL it is: postgres, mysql (MariaDB too) or sqlite.")],
    file: Annotated[str, typer.Argument(help='Lines of JSON such as {"sql": "SELECT 1"}; - is standard input.')] = "-",
) -> None:
    """Judge statements without a connection: a line {"allowed": …, "reason": …} for each line, in order.

    A function that is not known to be harmless is distrusted. The exit code is 0 whatever the answers are.
    """
    from mainstay.restore.sqldesk.judge import Dialect

    if dialect not in set(Dialect):
        raise typer.BadParameter(f"write one of {', '.join(Dialect)}", param_hint="--dialect")
    with nullcontext(sys.stdin.buffer) if file == "-" else _opened(file) as lines:
        for line in lines:
            print(json.dumps(_answer(line, Dialect(dialect))), flush=True)


def _opened(file: str) -> IO[bytes]:
    try:
        return Path(file).open("rb")
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}. Name a file, or - for standard input", USAGE)


def _answer(line: bytes, dialect: "Dialect") -> dict[str, Any]:
    """The judgement of one line; a line that cannot be read is not allowed."""
    from mainstay.restore.sqldesk.limits import judge_within

    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        return {"allowed": False, "reason": 'The line is no JSON. Write a line such as {"sql": "SELECT 1"}'}
    if not isinstance(asked, dict) or not isinstance(asked.get("sql"), str):
        return {"allowed": False, "reason": 'The line has no text under sql. Write {"sql": "SELECT 1"}'}
    verdict = judge_within(asked["sql"], dialect)
    return {"allowed": verdict.allowed, "reason": verdict.reason, **({"rule": verdict.rule} if verdict.rule else {})}


@app.command()
def run(
    connection: Annotated[str, typer.Argument(help="Key of the connection.")],
    sql: Annotated[str, typer.Argument(help="One statement that only reads; - takes it from standard input.")] = "-",
    value: Annotated[list[str] | None, typer.Option(help="NAME=VALUE of a parameter :NAME; may be repeated.")] = None,
    saved: Annotated[str, typer.Option(help="Name of a saved query, instead of a statement.")] = "",
    incident: Annotated[int | None, typer.Option(help="Number of the incident that it is for.")] = None,
    pin: Annotated[str, typer.Option(help="Keep the answer with the incident under this title.")] = "",
    limit: Annotated[int | None, typer.Option(min=1, help="How many rows at most.")] = None,
    to: Annotated[str, typer.Option(help="Write a file instead; its ending says how: csv, json or parquet.")] = "",
    as_json: Json = False,
) -> None:
    """Run a read on a connection, and print its rows."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.restore.sqldesk.examine import saved as queries
    from mainstay.restore.sqldesk.examine import services

    given = dict(_pair(one) for one in value or ())
    kept = None
    if saved:
        kept = queries.visible(LOCAL).filter(name=saved).first()
        if kept is None:
            fail(f"there is no saved query {saved!r}", NOT_FOUND)
    text = "" if kept else sys.stdin.read() if sql == "-" else sql
    if pin and incident is None:
        fail("name the incident that it is pinned to: --incident NUMBER", USAGE)
    read = services.begin(LOCAL, connection, text, given, saved=kept.pk if kept else None, incident=incident)
    if to:
        with Path(to).open("wb") as file:
            file.writelines(services.export(LOCAL, read, to.rpartition(".")[2].lower()))
        say(f"{read.rows} rows written to {to}")
        return
    read, reading, rows = services.run(LOCAL, read, limit=limit)
    show_rows([dict(zip(reading.names, row, strict=True)) for row in rows], as_json=as_json)
    say(f"{reading.rows} rows in {reading.elapsed_ms} ms" + (f", cut {reading.cut}" if reading.cut else ""))
    if pin and incident is not None:
        evidence = services.pin(LOCAL, read, incident, pin, (reading, rows))
        say(f"pinned to incident {incident} as evidence {evidence.pk}, SHA-256 {evidence.digest}")


def _pair(text: str) -> tuple[str, str]:
    name, equals, found = text.partition("=")
    if not equals:
        fail(f"write NAME=VALUE instead of {text}", USAGE)
    return name, found
