"""Commands on supportability reviews."""

from typing import Annotated

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

app = typer.Typer(help="Whether services can be supported: review, and confirm.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List services with the score of their last review, the worst first."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import supportability

    show_rows(supportability.listed(LOCAL), as_json=as_json)


@app.command()
def show(
    service: str,
    document: Annotated[bool, typer.Option("--markdown", help="As a document for the developers.")] = False,
    as_json: Json = False,
) -> None:
    """Show the last review of a service."""
    from mainstay.change.supportability import services
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import supportability

    found = supportability.shown(LOCAL, service)
    if not document:
        show_one(found, as_json=as_json)
        return
    row, reviews = services.of_service(LOCAL, service)
    print(services.markdown(row, reviews[0], services.trend(LOCAL, row)[:-1]), end="")


@app.command()
def review(service: str, as_json: Json = False) -> None:
    """Review a service now."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import supportability

    show_one(supportability.reviewed(LOCAL, service), as_json=as_json)


@app.command()
def confirm(
    service: str,
    point: Annotated[str, typer.Argument(help="restore, rollback or capacity.")],
    text: Annotated[str, typer.Option(help="What was done, when, and where that can be read.")],
) -> None:
    """Say that something was done that no machine can see. It holds for half a year."""
    from mainstay.change.supportability import services
    from mainstay.core.access import LOCAL

    services.confirm(LOCAL, service, point, text)
    say(f"{point} of {service} is confirmed.")
