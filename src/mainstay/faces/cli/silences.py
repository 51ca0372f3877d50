"""Commands on silences."""

from typing import Annotated

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="Keep alerts quiet for a while.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(
    limit: Limit = 100,
    every: Annotated[bool, typer.Option("--all", help="Those that are over as well.")] = False,
    as_json: Json = False,
) -> None:
    """List silences that hold or are to come."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import silences

    show_rows(silences.listed(LOCAL, limit, every=every), as_json=as_json)


@app.command()
def make(
    reason: Annotated[str, typer.Option(help="Why, for whoever looks for the alert meanwhile.")],
    lasts: Annotated[str, typer.Option(help="How long, such as 90m or 2h.")],
    service: Annotated[list[str] | None, typer.Option(help="Key of a service; may stand several times.")] = None,
    label: Annotated[list[str] | None, typer.Option(help="NAME=VALUE; an alert carries all of them.")] = None,
    reach: Annotated[str, typer.Option(help="alone, dependents, dependencies or both.")] = "alone",
    starts_at: Annotated[str, typer.Option(help="When it begins, with its offset. Without it: now.")] = "",
    as_json: Json = False,
) -> None:
    """Keep alerts of services, or with labels, from opening incidents for a while."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import silences

    wanted = {
        "services": service or [],
        "labels": silences.labels_of(label or []),
        "reason": reason,
        "lasts": lasts,
        "reach": reach,
        "starts_at": starts_at,
    }
    show_one(silences.made(LOCAL, wanted), as_json=as_json)


@app.command()
def end(number: int) -> None:
    """End a silence: what still fires opens its incident within seconds."""
    from mainstay.core.access import LOCAL
    from mainstay.respond.silences import services

    services.end(LOCAL, number)
    say(f"Silence {number} is over.")
