"""Commands on known errors. Each acts with the rights of the command line."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import NOT_FOUND, USAGE, fail, show_one, show_rows
from mainstay.faces.cli.setup import use_django

app = typer.Typer(help="Known errors.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(
    service: Annotated[str, typer.Option(help="Key of a service.")] = "",
    owner: Annotated[str, typer.Option(help="Address of a person or key of a team.")] = "",
    state: Annotated[str, typer.Option(help="ask, retired or all; empty for those in use.")] = "",
    text: Annotated[str, typer.Option(help="A piece of key, name, workaround or signature.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100,
    as_json: Json = False,
) -> None:
    """List known errors with how often they were met and their workaround helped."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import known

    wanted = {"service": service, "owner": owner, "state": state, "text": text}
    show_rows(known.listed(LOCAL, wanted, limit), as_json=as_json)


@app.command()
def show(key: str, as_json: Json = False) -> None:
    """Show one known error: how it is recognised, what to do, and where it matched."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import known

    show_one(known.shown(LOCAL, key), as_json=as_json)


@app.command()
def match(
    file: Annotated[Path, typer.Argument(help="An alert as JSON, with labels and annotations; - for standard input.")],
    as_json: Json = False,
) -> None:
    """Say which known errors an alert would match, and why. Nothing is kept. Exit code 3 when there is none."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import known

    rows: list[dict[str, Any]] = []
    for alert in _alerts(file):
        found = known.matched(LOCAL, alert)
        name = str(alert.get("labels", {}).get("alertname", "alert"))
        rows += [{"alert": name, **row} for row in found]
    show_rows(rows, as_json=as_json)
    if not any(row["kind"] == "exact" for row in rows):
        raise SystemExit(NOT_FOUND)


def _alerts(file: Path) -> list[dict[str, Any]]:
    """The alert of a file, or those of a message as Alertmanager sends it."""
    try:
        read = json.loads(sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8"))
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}", USAGE)
    except ValueError as error:
        fail(f"{file} is not JSON: {error}", USAGE)
    found = read.get("alerts", [read]) if isinstance(read, dict) else read
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        fail(f'{file}: write {{"labels": {{…}}, "annotations": {{…}}}}', USAGE)
    return found
