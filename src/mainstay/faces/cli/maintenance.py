"""Commands on planned work."""

from typing import Annotated, Any

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="Plan maintenance, begin it and end it.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="The number of the work, without MNT-.")]
Moment = Annotated[str, typer.Option(help="With its offset, such as 2026-03-01T02:00:00+01:00.")]


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(
    limit: Limit = 100,
    every: Annotated[bool, typer.Option("--all", help="What is over as well.")] = False,
    as_json: Json = False,
) -> None:
    """List planned work that is not over."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import maintenance

    show_rows(maintenance.listed(LOCAL, limit, every=every), as_json=as_json)


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show one piece of work with its log, and what else is planned then."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import maintenance

    show_one(maintenance.shown(LOCAL, number), as_json=as_json)


@app.command()
def plan(
    title: str,
    reason: Annotated[str, typer.Option(help="Why, and what people will notice.")],
    starts_at: Moment,
    ends_at: Moment,
    service: Annotated[list[str], typer.Option(help="Key of a service that is worked on; may stand several times.")],
    reach: Annotated[str, typer.Option(help="alone, dependents, dependencies or both.")] = "alone",
    before: Annotated[list[str] | None, typer.Option(help="Check that must be well before; may be repeated.")] = None,
    after: Annotated[
        list[str] | None, typer.Option(help="Check that must be well afterwards; may be repeated.")
    ] = None,
    loud: Annotated[bool, typer.Option("--loud", help="Let its services raise incidents all the same.")] = False,
    unannounced: Annotated[bool, typer.Option("--unannounced", help="Tell no subscriber.")] = False,
    as_json: Json = False,
) -> None:
    """Plan work, and tell who is concerned."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import maintenance

    wanted = {
        "title": title,
        "reason": reason,
        "services": service,
        "starts_at": starts_at,
        "ends_at": ends_at,
        "reach": reach,
        "before": before or [],
        "after": after or [],
        "quiet": not loud,
        "announced": not unannounced,
    }
    show_one(maintenance.planned(LOCAL, wanted), as_json=as_json)


def _act(number: int, action: str, as_json: bool, **given: Any) -> None:
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import maintenance

    show_one(maintenance.acted(LOCAL, number, action, given), as_json=as_json)


@app.command()
def begin(number: Number, as_json: Json = False) -> None:
    """Begin it: the gate is asked, its checks must be well, its services fall quiet."""
    _act(number, "begin", as_json)


@app.command()
def end(
    number: Number,
    outcome: Annotated[str, typer.Option(help="What came of it, for whoever takes over.")],
    as_json: Json = False,
) -> None:
    """End it: its services are heard again, and its checks run once more."""
    _act(number, "end", as_json, outcome=outcome)


@app.command()
def extend(number: Number, ends_at: Moment, as_json: Json = False) -> None:
    """Give it more time while it goes on."""
    _act(number, "extend", as_json, ends_at=ends_at)


@app.command()
def move(number: Number, starts_at: Moment, ends_at: Moment, as_json: Json = False) -> None:
    """Plan it for another time."""
    _act(number, "move", as_json, starts_at=starts_at, ends_at=ends_at)


@app.command()
def cancel(
    number: Number,
    reason: Annotated[str, typer.Option(help="Why, for whoever expects it.")],
    as_json: Json = False,
) -> None:
    """Call it off."""
    _act(number, "cancel", as_json, reason=reason)
