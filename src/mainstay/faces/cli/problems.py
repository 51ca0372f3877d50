"""Commands on problems."""

from pathlib import Path
from typing import Annotated, Any

import typer

from mainstay.faces.cli.output import show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json, Limit

app = typer.Typer(help="Problems: what comes again, its cause, its fix, and the proof.", no_args_is_help=True)
Problem = Annotated[str, typer.Argument(help="PRB-3, or 3.")]
Text = Annotated[str, typer.Argument(help="In a sentence.")]


@app.callback()
def _ready() -> None:
    use_django()


def _number(problem: str) -> int:
    from mainstay.core.problems import bad_request

    digits = problem.upper().removeprefix("PRB-")
    if not digits.isdigit():
        raise bad_request("write a number such as PRB-3", "problem")
    return int(digits)


def _act(problem: str, action: str, **given: Any) -> None:
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import problems

    number = _number(problem)
    problems.acted(LOCAL, number, action, given)
    row = problems.shown(LOCAL, number)
    say(f"PRB-{number} is {row['state']}: {row['reason']}")


@app.command("list")
def list_(
    state: Annotated[str, typer.Option(help="proposed, open, cause known, fix planned, verifying, solved.")] = "",
    limit: Limit = 100,
    as_json: Json = False,
) -> None:
    """List problems, the costliest first."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import problems

    rows = problems.listed(LOCAL, limit, state)
    if not as_json:
        shown = ("problem", "state", "title", "service", "reason")
        rows = [{**{name: one[name] for name in shown}, "cost": one["cost"]["money"]} for one in rows]
    show_rows(rows, as_json=as_json)


@app.command()
def show(problem: Problem, as_json: Json = False) -> None:
    """Show a problem with its incidents, what they cost, and its log."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import problems

    show_one(problems.shown(LOCAL, _number(problem)), as_json=as_json)


@app.command()
def create(
    title: Annotated[str, typer.Option(help="What comes again; without it that of the incident.")] = "",
    incident: Annotated[
        list[str] | None, typer.Option(help="An incident of it, such as INC-5; may be given again.")
    ] = None,
    known_error: Annotated[str, typer.Option(help="Key of the known error that it is behind.")] = "",
    release: Annotated[int | None, typer.Option(help="Number of the release that is to blame.")] = None,
    as_json: Json = False,
) -> None:
    """Make a problem."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import problems

    given = {"title": title, "incidents": incident or [], "known_error": known_error, "release": release}
    show_one(problems.created(LOCAL, given), as_json=as_json)


@app.command()
def take(problem: Problem) -> None:
    """Take a proposal."""
    _act(problem, "take")


@app.command()
def dismiss(problem: Problem, text: Text) -> None:
    """Say that it is no problem, and why. The same incidents do not propose it again."""
    _act(problem, "dismiss", text=text)


@app.command()
def cause(
    problem: Problem,
    text: Text,
    known_error: Annotated[str, typer.Option(help="Key of the known error that tells of it.")] = "",
    workaround: Annotated[str, typer.Option(help="What helps until it is fixed.")] = "",
) -> None:
    """Name the cause."""
    _act(problem, "cause", text=text, known_error=known_error, workaround=workaround)


@app.command()
def fix(
    problem: Problem,
    text: Annotated[str, typer.Option(help="What it does.")] = "",
    version: Annotated[str, typer.Option(help="The version that brings it.")] = "",
    release: Annotated[str, typer.Option(help="The release that brings it, such as REL-12.")] = "",
    days: Annotated[str, typer.Option(help="Days without a recurrence until it is solved.")] = "",
) -> None:
    """Plan the fix. Verifying begins by itself when the release or version is rolled out."""
    _act(problem, "fix", text=text, version=version, release=release, days=days)


@app.command()
def verify(problem: Problem) -> None:
    """Say that the fix is in place."""
    _act(problem, "verify")


@app.command()
def reopen(problem: Problem, text: Text) -> None:
    """Say that it is not solved after all."""
    _act(problem, "reopen", text=text)


@app.command()
def review(
    problem: Problem,
    draft: Annotated[bool, typer.Option("--draft", help="Draft it from the trail if there is none yet.")] = False,
    to: Annotated[Path | None, typer.Option(help="Write it to this file: .md, .html or .pdf.")] = None,
    as_json: Json = False,
) -> None:
    """Show the review of a problem, or write it to a file."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import problem_reviews
    from mainstay.learn.problems import reviews

    number = _number(problem)
    if draft:
        reviews.draft(LOCAL, number)
    if to is not None:
        to.write_bytes(problem_reviews.as_file(LOCAL, number, to.suffix.lstrip(".")))
        say(f"Written to {to}.")
    elif as_json:
        show_one(problem_reviews.shown(LOCAL, number), as_json=True)
    else:
        print(problem_reviews.as_file(LOCAL, number, "md").decode(), end="")


@app.command()
def alike(incident: Annotated[str, typer.Argument(help="INC-5, or 5.")], as_json: Json = False) -> None:
    """Show earlier incidents like one."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import problems

    show_rows(problems.alike_of(LOCAL, incident), as_json=as_json)
