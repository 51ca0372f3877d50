"""Commands of the SQL desk."""

import json
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any

import typer

from mainstay.faces.cli import sql_jobs
from mainstay.faces.cli.output import USAGE, fail

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
    from mainstay.core import settings
    from mainstay.restore.sqldesk.judge import Dialect

    if dialect not in set(Dialect):
        raise typer.BadParameter(f"write one of {', '.join(Dialect)}", param_hint="--dialect")
    limit = settings.current().sql_statement_length
    with nullcontext(sys.stdin.buffer) if file == "-" else _opened(file) as lines:
        for line in lines:
            print(json.dumps(_answer(line, Dialect(dialect), limit)), flush=True)


def _opened(file: str) -> IO[bytes]:
    try:
        return Path(file).open("rb")
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}. Name a file, or - for standard input", USAGE)


def _answer(line: bytes, dialect: "Dialect", limit: int) -> dict[str, Any]:
    """The judgement of one line; a line that cannot be read is not allowed."""
    from mainstay.restore.sqldesk.judge import judge

    try:
        asked = json.loads(line)
    except (ValueError, RecursionError):
        return {"allowed": False, "reason": 'The line is no JSON. Write a line such as {"sql": "SELECT 1"}'}
    if not isinstance(asked, dict) or not isinstance(asked.get("sql"), str):
        return {"allowed": False, "reason": 'The line has no text under sql. Write {"sql": "SELECT 1"}'}
    verdict = judge(asked["sql"], dialect, limit=limit)
    return {"allowed": verdict.allowed, "reason": verdict.reason, **({"rule": verdict.rule} if verdict.rule else {})}
