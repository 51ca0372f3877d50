"""Commands on the work itself: alerts, incidents, services, rules and pages."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer

from mainstay.faces.cli.output import NOT_ALLOWED, show_one, show_rows
from mainstay.faces.cli.setup import say, use_django

Json = Annotated[bool, typer.Option("--json", help="Answer as JSON.")]
Limit = Annotated[int, typer.Option(min=1, help="How many at most.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    for name, (listing, showing) in _KINDS.items():
        app.add_typer(_group(name, listing, showing), name=name)
    app.command()(query)
    app.command()(ack)
    app.command()(resolve)
    app.command()(gate)


def _group(name: str, listing: Callable[[int], Sequence[Any]], showing: Callable[[str], Any]) -> typer.Typer:
    group = typer.Typer(help=f"Look at {name}.", no_args_is_help=True)

    @group.command("list", help=f"List {name}, newest or most urgent first.")
    def list_(limit: Limit = 100, as_json: Json = False) -> None:
        use_django()
        show_rows(listing(limit), as_json=as_json)

    @group.command("show", help="Show one, by its number or key.")
    def show(ident: str, as_json: Json = False) -> None:
        use_django()
        show_one(showing(ident), as_json=as_json)

    return group


def query(expr: str, as_json: Json = False) -> None:
    """Evaluate a PromQL expression now."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.observe.metrics import services as metrics

    rows = [{"labels": dict(labels), "value": value} for labels, value in metrics.evaluate(LOCAL, expr)]
    show_rows(rows, as_json=as_json)


def ack(incident: str) -> None:
    """Acknowledge an incident: nobody else is paged."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.numbers import number
    from mainstay.respond.incidents import services as incidents

    found = number(incident)
    changed = incidents.acknowledge(LOCAL, found, " from the command line")
    say(f"INC-{found} is acknowledged." if changed else f"INC-{found} was acknowledged before.")


def resolve(incident: str, cause: Annotated[str, typer.Option(help="What the cause was.")]) -> None:
    """Close an incident with its cause."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.numbers import number
    from mainstay.respond.incidents import services as incidents

    found = number(incident)
    incidents.resolve(LOCAL, found, cause)
    say(f"INC-{found} is resolved.")


def gate(
    service: Annotated[
        list[str], typer.Option(help="Key of a service that would be changed; may stand several times.")
    ],
    at: Annotated[str, typer.Option(help="The moment, with its offset. Without it: now.")] = "",
    kind: Annotated[str, typer.Option(help="correction, job, runbook, release or other.")] = "other",
    as_json: Json = False,
) -> None:
    """Say whether production may be changed, why, and until when. Exit code 0 means yes, 4 means no."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import calendar

    answer = calendar.ask(LOCAL, service, at, kind)
    show_one(answer, as_json=as_json)
    if not answer["allowed"]:
        raise SystemExit(NOT_ALLOWED)


def _from_read(kind: str, what: str) -> Callable[..., Any]:
    """A function of the API's readers, imported when it is called: not every command needs Django."""

    def call(argument: Any) -> Any:
        from mainstay.core.access import LOCAL
        from mainstay.faces.api import read

        return getattr(read, f"{what}_{kind}")(LOCAL, argument)

    return call


_KINDS = {
    name: (_from_read(name, "list"), _from_read(name, "show"))
    for name in ("alerts", "incidents", "services", "rules", "pages")
}
