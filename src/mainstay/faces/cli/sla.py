"""Commands on agreements and the clocks of incidents."""

from typing import Annotated

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="What is agreed on incidents, and how it is kept.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(limit: Limit = 100, as_json: Json = False) -> None:
    """List agreements."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import levels

    show_rows(levels.agreements(LOCAL, limit), as_json=as_json)


@app.command()
def show(incident: str, as_json: Json = False) -> None:
    """Show the clocks of an incident, and why they stand as they do."""
    from mainstay.core import clock
    from mainstay.core.access import LOCAL
    from mainstay.core.problems import not_found
    from mainstay.faces.api import levels
    from mainstay.faces.api.numbers import number
    from mainstay.respond.clocks import services
    from mainstay.respond.incidents import services as incidents

    found = services.of(LOCAL, incidents.get(LOCAL, number(incident)), clock.now())
    row = levels.clocks_row(found)
    if row is None:
        raise not_found(f"agreement on the service of {incident}; write one into a file")
    show_one(row, as_json=as_json)


@app.command()
def kept(
    days: Annotated[int, typer.Option(min=1, max=3650, help="Of incidents resolved in so many days.")] = 90,
    as_json: Json = False,
) -> None:
    """Say how often agreements were kept, and how often not."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import levels

    show_rows(levels.counts(LOCAL, days), as_json=as_json)


@app.command()
def hold(
    incident: str,
    why: Annotated[str, typer.Option(help="customer, third_party or developers.")],
    note: Annotated[str, typer.Option(help="What is waited for.")],
) -> None:
    """Say that an incident waits for somebody outside, which stops its clocks where that is agreed."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.numbers import number
    from mainstay.respond.clocks import services

    services.hold(LOCAL, number(incident), why, note)
    say(f"INC-{number(incident)} waits.")


@app.command()
def resume(incident: str) -> None:
    """Say that an incident waits no more: its clocks go on."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.numbers import number
    from mainstay.respond.clocks import services

    services.resume(LOCAL, number(incident))
    say(f"INC-{number(incident)} waits no more.")
