"""Commands on trackers of issues."""

from typing import Annotated

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="Trackers of issues: which there are, and what is linked.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="The id that 'mainstay trackers issues' shows.")]


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List trackers."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import trackers

    show_rows(trackers.listed(LOCAL), as_json=as_json)


@app.command()
def issues(limit: Limit = 100, as_json: Json = False) -> None:
    """List linked issues, the latest first."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import trackers

    show_rows(trackers.issues(LOCAL, limit), as_json=as_json)


@app.command()
def issue(number: Number, as_json: Json = False) -> None:
    """Show a linked issue, and what happened to it in its tracker."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import trackers

    show_one(trackers.shown(LOCAL, number), as_json=as_json)


@app.command()
def retry(number: Number) -> None:
    """Tell a tracker again what was given up."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.trackers import services

    count = services.retry(LOCAL, services.get(LOCAL, number))
    say(f"{count} to be tried again.")
