"""Commands on configuration of production."""

from typing import Annotated

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="How production is configured: look, and compare.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(limit: Limit = 100, as_json: Json = False) -> None:
    """List sources of configuration and how they stand."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import configurations

    show_rows(configurations.listed(LOCAL, limit), as_json=as_json)


@app.command()
def show(key: str, limit: Limit = 20, as_json: Json = False) -> None:
    """Show one with what was seen of it, the newest first."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import configurations

    show_one(configurations.shown(LOCAL, key, limit), as_json=as_json)


@app.command()
def take(
    key: str,
    why: Annotated[str, typer.Option(help="What for, such as a release; kept then even if nothing changed.")] = "",
    as_json: Json = False,
) -> None:
    """Look at a source now, as the user of the command line."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import configurations

    show_one(configurations.taken(LOCAL, key, why), as_json=as_json)


@app.command()
def diff(
    before: Annotated[int, typer.Argument(help="Number of a snapshot.")],
    after: Annotated[int, typer.Argument(help="Number of another, of the same source or of another one.")],
    as_json: Json = False,
) -> None:
    """Compare two looks. Without --json the patch is printed."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import configurations

    found = configurations.differing(LOCAL, after, before)
    if as_json:
        show_one(found, as_json=True)
    elif found["patch"]:
        print(found["patch"])
    else:
        say(found["summary"])
