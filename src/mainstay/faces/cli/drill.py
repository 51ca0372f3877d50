"""Commands on drills: something is broken on purpose, and a clock runs."""

from typing import Annotated

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django

app = typer.Typer(help="Practise: something is broken on purpose, with a clock and a debrief.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="Of the drill, such as 3 of DRILL-3.")]


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(
    done: Annotated[bool, typer.Option("--done", help="List drills instead of what can be practised.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="At most so many drills.")] = 50,
    as_json: Json = False,
) -> None:
    """List what can be practised, the easier first."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import drills

    show_rows(drills.listed(LOCAL, limit) if done else drills.scenarios(LOCAL), as_json=as_json)


@app.command()
def start(
    scenario: Annotated[str, typer.Argument(help="Its key, from 'mainstay drill list'.")],
    person: Annotated[str, typer.Option(help="Whose drill it is, by mail address.")] = "",
    as_json: Json = False,
) -> None:
    """Have it broken, and let the clock run."""
    from mainstay.core.access import LOCAL
    from mainstay.core.settings import current
    from mainstay.faces.api import drills

    made = drills.started(LOCAL, scenario, person)
    show_one(made, as_json=as_json)
    say(f"It breaks within seconds. Take part at {current().public_url}/drills/{made['id']}")


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show a drill, with its debrief when it has ended."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import drills

    show_one(drills.shown(LOCAL, number), as_json=as_json)


@app.command()
def hint(number: Number) -> None:
    """Take the next hint, which costs points."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.drills import services

    print(services.hint(LOCAL, number))


@app.command()
def answer(
    number: Number, service: Annotated[str, typer.Argument(help="The service that you take to be broken.")]
) -> None:
    """Name what is broken. A wrong suspect costs points."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.drills import services

    print("That is it." if services.answer(LOCAL, number, service) else "That is not it.")


@app.command()
def mend(number: Number) -> None:
    """Have it mended, once you have named what is broken."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.drills import services

    services.mend(LOCAL, number)
    say("It is mended within seconds.")


@app.command()
def end(number: Number, why: Annotated[str, typer.Option(help="A reason, for the record.")] = "") -> None:
    """Break a drill off: what is broken is mended, and the debrief written."""
    from mainstay.core.access import LOCAL
    from mainstay.learn.drills import services

    services.end(LOCAL, number, why)
    say(f"It ends within seconds. The debrief: mainstay drill show {number}")


@app.command()
def skills(as_json: Json = False) -> None:
    """Show who has practised what, and what comes next for each."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import drills

    rows = drills.skills(LOCAL)
    if not as_json:
        rows = [{**one, "skills": ", ".join(sorted(one["skills"]))} for one in rows]
    show_rows(rows, as_json=as_json)
