"""Commands on clean-up and archival jobs. Each acts with the rights of the command line; approving takes a person."""

import json
from typing import Annotated, Any

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import USAGE, fail, show_one, show_rows
from mainstay.faces.cli.setup import say, use_django

app = typer.Typer(help="Clean-up and archival jobs.", no_args_is_help=True)


@app.callback()
def _ready() -> None:
    use_django()


@app.command("list")
def list_(limit: Annotated[int, typer.Option(min=1, help="How many at most.")] = 50, as_json: Json = False) -> None:
    """List jobs, the newest first."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import sql_jobs

    show_rows(sql_jobs.every(LOCAL, limit), as_json=as_json)


@app.command()
def show(number: int, as_json: Json = False) -> None:
    """Show one job: what it does, its dry run, and how far it has come."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import sql_jobs

    show_one(sql_jobs.one(LOCAL, number), as_json=as_json)


@app.command()
def propose(
    connection: Annotated[str, typer.Option(help="Key of the connection.")],
    table: Annotated[str, typer.Option(help="The table that is cleaned up.")],
    condition: Annotated[str, typer.Option(help="Which rows: what stands after WHERE, with :names for parameters.")],
    action: Annotated[str, typer.Option(help="delete, move or archive.")],
    title: Annotated[str, typer.Option(help="In a few words, what is cleaned up.")],
    reason: Annotated[str, typer.Option(help="Why.")],
    destination: Annotated[str, typer.Option(help="The table that rows are moved to.")] = "",
    parameters: Annotated[str, typer.Option(help='Values, as JSON: {"day": "2025-01-01"}.')] = "{}",
    any_time: Annotated[bool, typer.Option("--any-time", help="Run outside of maintenance windows too.")] = False,
    as_json: Json = False,
) -> None:
    """Write a draft and make its dry run."""
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import sql_jobs
    from mainstay.restore.sqldesk.jobs import services

    try:
        values = json.loads(parameters)
    except ValueError as error:
        fail(f"--parameters: not JSON: {error}", USAGE)
    fields: dict[str, Any] = {
        "table": table,
        "condition": condition,
        "action": action,
        "title": title,
        "reason": reason,
        "destination": destination,
        "parameters": values,
        "in_windows": not any_time,
    }
    job = services.dry_run(LOCAL, services.propose(LOCAL, connection, fields).pk)
    show_one(sql_jobs.one(LOCAL, job.pk), as_json=as_json)


@app.command("dry-run")
def dry_run(number: int, as_json: Json = False) -> None:
    """Count what a job would take, without changing anything."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.sqldesk.jobs import services

    show_one(services.dry_run(LOCAL, number).dry_run, as_json=as_json)


def _act(number: int, deed: str, said: str) -> None:
    from mainstay.core.access import LOCAL
    from mainstay.restore.sqldesk.jobs import services

    getattr(services, deed)(LOCAL, number)
    say(f"JOB-{number} {said}.")


@app.command()
def request(number: int) -> None:
    """Ask colleagues to approve what the dry run shows."""
    _act(number, "request", "waits for approval")


@app.command()
def start(number: int) -> None:
    """Hand an approved job to the worker, or go on with one that was paused."""
    _act(number, "start", "is handed to the worker")


@app.command()
def pause(number: int) -> None:
    """Stop a job after the batch that runs."""
    _act(number, "pause", "pauses after its batch")


@app.command()
def stop(number: int) -> None:
    """Panic: cancel the statement that runs, roll its batch back, and pause."""
    _act(number, "stop", "is being stopped")


@app.command()
def record(number: int) -> None:
    """Print the record of a job as Markdown: who asked, who approved, and each batch."""
    from mainstay.core.access import LOCAL
    from mainstay.restore.sqldesk.jobs import record as records

    print(records.markdown_of(LOCAL, number), end="")
