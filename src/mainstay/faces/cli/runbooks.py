"""Commands on runbooks and their runs. They act with the rights of the command line; approving takes a person."""

import getpass
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mainstay.faces.cli.output import FAILED, NOT_FOUND, USAGE, fail, show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

if TYPE_CHECKING:
    from mainstay.core.access import Actor

app = typer.Typer(help="Runbooks: write, run, stop and answer them.", no_args_is_help=True)
Key = Annotated[str, typer.Argument(help="Key of the runbook.")]
Number = Annotated[int, typer.Argument(help="The number of the run, without RUN-.")]
Inputs = Annotated[list[str] | None, typer.Option("--input", help="NAME=VALUE; may be repeated.")]
Targets = Annotated[list[str] | None, typer.Option("--target", help="Key of a host; may be repeated. Without: all.")]
_LOOK = 0.5


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List runbooks."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import runbooks

    show_rows(runbooks.every_book(LOCAL), as_json=as_json)


@app.command()
def show(
    key: Key,
    version: Annotated[int | None, typer.Option(min=1, help="An older version.")] = None,
    as_json: Json = False,
) -> None:
    """Print a runbook; with --json also its inputs, targets and steps."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import runbooks

    found = runbooks.one_book(LOCAL, key, version)
    if as_json:
        show_one(found, as_json=True)
    else:
        print(found["text"], end="")


@app.command()
def lint(files: Annotated[list[Path], typer.Argument(help="Runbooks, as Markdown.")]) -> None:
    """Say what is wrong with runbooks, with the line and what to do. Exit code 1 when one cannot be used."""
    from mainstay.restore.runbooks import books

    bad = False
    for file in files:
        for problem in books.lint_text(_text(file)):
            print(f"{file}:{problem}")
            bad |= not problem.hint
    if bad:
        raise SystemExit(FAILED)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"{file} cannot be read: {getattr(error, 'strerror', None) or error}", NOT_FOUND)


@app.command()
def wrap(
    file: Annotated[Path, typer.Argument(help="A shell or Python script, or a playbook.")],
    service: Annotated[list[str] | None, typer.Option(help="Key of a service that it changes; repeatable.")] = None,
    target: Targets = None,
) -> None:
    """Print a runbook that runs a script or a playbook as it is."""
    from mainstay.restore.runbooks.book import wrap as wrapping

    print(wrapping.wrap(file.name, _text(file), tuple(service or ()), tuple(target or ())), end="")


@app.command()
def save(file: Annotated[Path, typer.Argument(help="A runbook, as Markdown.")]) -> None:
    """Keep a runbook in the database, or a new version of it."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import books

    made = books.save(LOCAL, _text(file))
    say(f"{made} is kept.")


@app.command()
def run(
    book: Annotated[str, typer.Argument(help="Key of a runbook; with --dry-run also a file.")],
    input_: Inputs = None,
    target: Targets = None,
    reason: Annotated[str, typer.Option(help="Why.")] = "",
    incident: Annotated[int | None, typer.Option(help="Number of the incident that it is for.")] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Look what would run where, and run checks alone.")
    ] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Show what it writes, until it has ended.")] = False,
    as_json: Json = False,
) -> None:
    """Draft a run, and start it or ask for its approval. A dry run takes no server."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import runbooks
    from mainstay.restore.runbooks import services

    inputs = dict(pair(one) for one in input_ or ())
    if dry_run:
        show_one(_dry_run(book, inputs, target, reason), as_json=as_json)
        return
    made = services.propose(LOCAL, book, inputs, targets=target, reason=reason, incident=incident)
    if services.startable(made).allowed:
        services.start(LOCAL, made.pk)
        say(f"{made} is handed to the worker.")
    else:
        services.request(LOCAL, made.pk)
        say(f"{made} waits for approval.")
    if wait:
        _follow(made.pk)
    else:
        show_one(runbooks.one(LOCAL, made.pk), as_json=as_json)


def pair(text: str) -> tuple[str, str]:
    """The name and the value of an input, or the end of the command."""
    name, equals, value = text.partition("=")
    if not equals:
        fail(f"--input: write NAME=VALUE instead of {name}", USAGE)
    return name, value


def _dry_run(book: str, inputs: dict[str, str], targets: list[str] | None, reason: str) -> dict[str, Any]:
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import books, services

    file = Path(book)
    text = _text(file) if file.suffix == ".md" or file.is_file() else books.version(LOCAL, book).text
    seen = services.dry_run_of_text(LOCAL, text, inputs, targets=targets, reason=reason)
    for problem in seen["problems"]:
        say(f"problem: {problem}")
    return seen


def _follow(number: int) -> None:
    """Print what a run writes, until it has ended or waits for a person."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import reading, services

    last = 0
    while True:
        found = services.get(LOCAL, number)
        for chunk in reading.output(LOCAL, number, after=last):
            sys.stdout.write(chunk.text)
            sys.stdout.flush()
            last = chunk.pk
        if found.state in {*services.ENDED, *services.OPEN, services.State.DONE, services.State.PERSON}:
            why = f": {found.state_reason}" if found.state_reason else ""
            say(f"{found} is {found.get_state_display().lower()}{why}")
            if found.state != services.State.DONE:
                raise SystemExit(FAILED)
            return
        time.sleep(_LOOK)


@app.command()
def runs(
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest.")] = 50,
    number: Annotated[int | None, typer.Option(help="The steps of one run, without RUN-.")] = None,
    as_json: Json = False,
) -> None:
    """List runs, the newest first, or the steps of one."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import runbooks

    show_rows(runbooks.steps(LOCAL, number) if number else runbooks.every(LOCAL, limit), as_json=as_json)


@app.command()
def approve(
    number: Number,
    as_: Annotated[str, typer.Option("--as", help="Mail address of whoever approves.")],
    password_stdin: Annotated[bool, typer.Option("--password-stdin", help="Read the password from there.")] = False,
) -> None:
    """Approve exactly what is printed, as a person with a password. Not for whoever asked for it or wrote the book."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import runbooks
    from mainstay.restore.runbooks import services

    seen = runbooks.one(LOCAL, number)
    show_one(
        {name: seen[name] for name in ("book", "version", "requested_by", "reason", "inputs", "targets", "hash")},
        as_json=False,
    )
    services.approve(_person(as_, stdin=password_stdin), number, seen["hash"])
    say(f"RUN-{number} is approved.")


def _person(email: str, *, stdin: bool) -> "Actor":
    from mainstay.core import people
    from mainstay.core.access import of_person

    password = sys.stdin.readline().rstrip("\n") if stdin else getpass.getpass(f"Password of {email}: ")
    return of_person(people.sign_in(email, password, "command line"), via="cli")


@app.command()
def start(number: Number) -> None:
    """Hand an approved run to the worker."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import services

    services.start(LOCAL, number)
    say(f"RUN-{number} is handed to the worker.")


@app.command()
def stop(
    number: Annotated[int | None, typer.Argument(help="The number of the run, without RUN-.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Every run there is.")] = False,
) -> None:
    """Panic: begin no more step, and kill those that run."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import services

    if every == (number is not None):
        fail("name a run, or --all", USAGE)
    if number is not None:
        services.stop(LOCAL, number)
        say(f"RUN-{number} is being stopped.")
    else:
        say(f"{services.stop_all(LOCAL)} runs are being stopped.")


@app.command()
def resume(number: Number, input_: Inputs = None) -> None:
    """Go on from the step that failed. With other inputs it waits for approval first."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import services

    changed = dict(pair(one) for one in input_ or ())
    before = services.get(LOCAL, number)
    after = services.resume(LOCAL, number, {**before.inputs, **changed} if changed else None)
    say(f"{after} is {after.get_state_display().lower()}.")


@app.command()
def answer(
    step: Annotated[int, typer.Argument(help="The number of the step, as 'runbook runs --number' shows it.")],
    what: Annotated[str, typer.Argument(help="done, 'not done', or again.")],
    text: Annotated[str, typer.Argument(help="The answer, or how one knows.")] = "",
) -> None:
    """Answer a step that waits for a person, or say what became of one that nobody knows."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks import answering

    answering.answer(LOCAL, step, what, text)
    say("answered.")


@app.command()
def output(
    number: Annotated[int | None, typer.Argument(help="The number of the run, without RUN-.")] = None,
    search: Annotated[str, typer.Option(help="Text to look for in the output of all runs.")] = "",
    as_json: Json = False,
) -> None:
    """Print what a run has written, or look for a text in what all have."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import runbooks
    from mainstay.restore.runbooks import reading

    if bool(search) == (number is not None):
        fail("name a run, or --search TEXT", USAGE)
    if number is None:
        hits = reading.search(LOCAL, search)
        show_rows([{"run": str(one.run), "step": str(one.step), "text": one.text} for one in hits], as_json=as_json)
    elif as_json:
        show_rows([runbooks.chunk(one) for one in reading.output(LOCAL, number)], as_json=True)
    else:
        for chunk in reading.output(LOCAL, number):
            sys.stdout.write(chunk.text)


@app.command()
def remedies(as_json: Json = False) -> None:
    """List what runs by itself, and whose breaker is open."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import runbooks

    show_rows(runbooks.every_remedy(LOCAL), as_json=as_json)


@app.command()
def rearm(
    key: Annotated[str, typer.Argument(help="Key of the remedy.")],
    reason: Annotated[str, typer.Option(help="What was found, and why it may run by itself again.")],
) -> None:
    """Let a remedy run by itself again, after its breaker opened."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks.remedies import services

    services.rearm(LOCAL, key, reason)
    say(f"{key} runs by itself again.")


@app.command("switch-remedy")
def switch_remedy(
    key: Annotated[str, typer.Argument(help="Key of the remedy.")],
    enabled: Annotated[bool, typer.Option("--on/--off", help="Whether it may run by itself.")],
) -> None:
    """Let a remedy run by itself, or not any more. Its breaker stays as it is."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.runbooks.remedies import services

    services.switch(LOCAL, key, enabled=enabled)
    say(f"{key} is switched {'on' if enabled else 'off'}.")
