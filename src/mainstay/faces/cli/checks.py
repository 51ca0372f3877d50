"""Commands on health checks."""

from typing import Annotated, Any

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import FAILED, show_one, show_rows
from mainstay.faces.cli.setup import use_django

app = typer.Typer(help="Health checks as scripts.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 100, as_json: Json = False) -> None:
    """List checks and how they stand."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import checks

    show_rows(checks.listed(LOCAL, limit), as_json=as_json)


@app.command()
def show(
    key: str,
    limit: Annotated[int, typer.Option(min=1, help="How many of its runs.")] = 5,
    as_json: Json = False,
) -> None:
    """Show one check with its last runs."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import checks

    show_one(checks.shown(LOCAL, key, limit), as_json=as_json)


@app.command()
def run(key: str, as_json: Json = False) -> None:
    """Run a check here, as the user of this command line, and show what it says. Nothing is kept."""
    from mainstay.core.access import LOCAL
    from mainstay.observe.checks import services
    from mainstay.observe.checks.domain import State
    from mainstay.restore.runbooks.looks import Looks

    check = services.get(LOCAL, key)
    said = Looks().execute(check) if check.runbook else services.execute(check)
    found: dict[str, Any] = {
        "state": str(said.state),
        "text": said.text,
        "code": said.outcome.code,
        "seconds": round(said.outcome.seconds, 3),
        "measures": {one.label: f"{one.value:g} {one.unit}".strip() for one in said.output.measures},
        "unread": list(said.output.unread),
        "output": said.output.more,
    }
    show_one(found, as_json=as_json)
    if said.state is not State.OK:
        raise SystemExit(FAILED)
