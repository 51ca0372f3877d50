"""Commands on actions."""

from typing import Annotated, Any

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="Actions: what is done so that a problem does not come again.", no_args_is_help=True)
Action = Annotated[str, typer.Argument(help="ACT-4, or 4.")]
Text = Annotated[str, typer.Argument(help="In a sentence.")]


@app.callback()
def _ready() -> None:
    use_django()


def _number(text: str, prefix: str) -> int:
    from mainstay.core.problems import bad_request

    digits = text.upper().removeprefix(prefix)
    if not digits.isdigit():
        raise bad_request(f"write a number such as {prefix}3", "number")
    return int(digits)


def _act(action: str, step: str, **given: Any) -> None:
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import actions

    row = actions.acted(LOCAL, _number(action, "ACT-"), step, given)
    say(f"{row['action']} is {row['state']}.")


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="open, done or dropped.")] = "open",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List actions, what is due first on top."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import actions

    show_rows(actions.listed(LOCAL, limit, state), as_json=as_json)


@app.command()
def create(
    problem: Annotated[str, typer.Argument(help="PRB-3, or 3.")],
    title: Text,
    owner: Annotated[str, typer.Option(help="Mail address of who does it.")],
    due: Annotated[str, typer.Option(help="The day, such as 2026-03-01.")],
    kind: Annotated[str, typer.Option(help="prevent, detect, mitigate or process.")] = "prevent",
    as_json: Json = False,
) -> None:
    """Write an action of a problem down."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import actions

    given = {"title": title, "owner": owner, "due": due, "kind": kind}
    show_one(actions.created(LOCAL, _number(problem, "PRB-"), given), as_json=as_json)


@app.command()
def done(action: Action, text: Text) -> None:
    """Say that it is done, and by what that can be seen."""
    _act(action, "done", text=text)


@app.command()
def drop(action: Action, text: Text) -> None:
    """Say that it will not be done, and why."""
    _act(action, "drop", text=text)


@app.command()
def track(
    action: Action,
    tracker: Annotated[str, typer.Option(help="Key of the tracker; without it that of the service.")] = "",
    issue: Annotated[str, typer.Option(help="An issue that is there already; without it a new one is made.")] = "",
) -> None:
    """Follow an action in a tracker."""
    _act(action, "track", tracker=tracker, issue=issue)
