"""Commands on objectives and their budgets of errors."""

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="What share of what services do goes well, and what may still fail.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(limit: Limit = 100, as_json: Json = False) -> None:
    """List objectives and how they stand."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import levels

    show_rows(levels.standings(LOCAL, limit), as_json=as_json)


@app.command()
def show(key: str, as_json: Json = False) -> None:
    """Show one objective with its days."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import levels

    show_one(levels.standing(LOCAL, key), as_json=as_json)
