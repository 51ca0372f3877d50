"""``mainstay escalate`` and the group ``escalation``: cases for developers."""

from pathlib import Path
from typing import Annotated

import typer

from mainstay.faces.cli.output import FAILED, fail, show_one, show_rows
from mainstay.faces.cli.setup import say as tell
from mainstay.faces.cli.setup import use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="Cases for developers, and what came of them.", no_args_is_help=True)
Case = Annotated[int, typer.Argument(metavar="CASE", help="Number of the case.")]


def register(main: typer.Typer) -> None:
    """Add the command and the group."""
    main.command()(escalate)
    main.add_typer(app, name="escalation")


@app.callback()
def _ready() -> None:
    use_django()


def escalate(
    incident: Annotated[str, typer.Argument(help="Number of the incident, such as INC-3.")],
    to: Annotated[str, typer.Option(help="Key of the team that it is handed over to; empty: nobody yet.")] = "",
    note: Annotated[str, typer.Option(help="What you would say on the phone; it stands first.")] = "",
    zip_file: Annotated[Path | None, typer.Option("--zip", help="Write the case to this file too.")] = None,
    as_json: Json = False,
) -> None:
    """Build the case of an incident for the developers, now and here, and hand it over."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import escalations
    from mainstay.learn.escalation import services
    from mainstay.learn.escalation.models import Escalation

    row = services.build_now(int(escalations.begun(LOCAL, incident)["number"]))
    if row.state != Escalation.State.READY:
        fail(f"{row} could not be built: {row.problem}", FAILED)
    if to:
        escalations.handed_over(LOCAL, row.pk, to, note)
    if zip_file is not None:
        zip_file.write_bytes(services.content(LOCAL, row.pk)[1])
    found = escalations.shown(LOCAL, row.pk)
    show_one(found if as_json else {**{name: found[name] for name in _SHOWN}, **dict(found["glance"])}, as_json=as_json)
    if found["lacks"] and not as_json:
        what, remedy = found["lacks"][0]
        tell(f"What would help most: {what}. {remedy[:1].upper()}{remedy[1:]}.")


_SHOWN = ("number", "state", "team", "bytes", "seconds", "digest")


@app.command("list")
def list_(
    limit: Limit = 100,
    incident: Annotated[str, typer.Option(help="Those of one incident.")] = "",
    as_json: Json = False,
) -> None:
    """List cases, the latest first."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import escalations

    names = ("number", "incident", "state", "team", "asked_at", "sent_at")
    rows = escalations.listed(LOCAL, limit, incident)
    show_rows(rows if as_json else [{name: row[name] for name in names} for row in rows], as_json=as_json)


@app.command()
def show(case: Case, as_json: Json = False) -> None:
    """Show a case: what is in it, what is missing, and what became of it."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import escalations

    show_one(escalations.shown(LOCAL, case), as_json=as_json)


@app.command()
def fetch(case: Case, file: Annotated[Path, typer.Argument(help="Where to write it.")]) -> None:
    """Write the file of a case."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.escalation import services

    file.write_bytes(services.content(LOCAL, case)[1])
    tell(f"Written to {file}.")


@app.command()
def said(
    case: Case,
    state: Annotated[str, typer.Argument(help="accepted, asked, fixed or declined.")],
    text: Annotated[str, typer.Option(help="In their words.")] = "",
) -> None:
    """Write down what developers said of a case."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.escalation import services

    row = services.say(LOCAL, case, state, text)
    tell(f"{row}: {row.get_state_display().lower()}.")


@app.command()
def answer(case: Case, text: Annotated[str, typer.Argument(help="What they asked for.")]) -> None:
    """Answer developers who need information."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.escalation import services

    tell(f"{services.answer(LOCAL, case, text)} is answered.")
