"""Commands on corrections and on secrets."""

import sys
from typing import Annotated

import typer

from mainstay.faces.cli.output import NOT_FOUND, USAGE, fail, show_one, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

app = typer.Typer(help="Corrections of data: list them, show one, write its record.", no_args_is_help=True)
secret_app = typer.Typer(help="Secrets that configuration names.", no_args_is_help=True)
Number = Annotated[int, typer.Argument(help="The number of the correction, without COR-.")]
Name = Annotated[str, typer.Argument(help="The name of the secret.")]


@app.command("list")
def every(
    limit: Annotated[int, typer.Option(min=1, help="How many at most, the newest.")] = 50, as_json: Json = False
) -> None:
    """List corrections, the newest first."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.corrections import rows

    brief = ("id", "state", "title", "connection", "incident", "requested_by", "approved_by", "finished_at")
    found = rows(LOCAL, limit)
    show_rows(found if as_json else [{name: row[name] for name in brief} for row in found], as_json=as_json)


@app.command()
def show(number: Number, as_json: Json = False) -> None:
    """Show a correction."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.corrections import plain
    from mainstay.restore.sqldesk.correct import services

    show_one(plain(services.get(LOCAL, number)), as_json=as_json)


@app.command()
def record(
    number: Number,
    form: Annotated[str, typer.Option("--format", help="md or pdf.")] = "md",
) -> None:
    """Write the record of a correction to standard output: who asked, who approved, every row before and after."""
    use_django()
    from mainstay.core import clock, documents
    from mainstay.core.access import LOCAL
    from mainstay.faces.web import assets
    from mainstay.restore.sqldesk import connections
    from mainstay.restore.sqldesk.correct import record as records
    from mainstay.restore.sqldesk.correct import services

    if form not in {"md", "pdf"}:
        fail("--format: write md or pdf", USAGE)
    correction = services.get(LOCAL, number)
    blocks = records.blocks(correction, connections.hider(correction.connection))
    if form == "pdf":
        sys.stdout.buffer.write(documents.pdf(blocks, assets.DIST / "fonts", clock.now()))
    else:
        print(documents.markdown(blocks))


@secret_app.command("set")
def set_secret(name: Name) -> None:
    """Keep a secret, read from standard input, in the data directory."""
    from mainstay.core import secrets

    value = sys.stdin.read().rstrip("\n") if not sys.stdin.isatty() else typer.prompt("Secret", hide_input=True)
    if not value:
        fail("the secret is empty: write it to standard input", USAGE)
    secrets.put(name, value)
    say(f"secret {name} is kept")


@secret_app.command("list")
def list_secrets(as_json: Json = False) -> None:
    """List the names of the secrets that the data directory keeps."""
    from mainstay.core import secrets

    show_rows([{"name": name} for name in secrets.names()], as_json=as_json)


@secret_app.command("remove")
def remove_secret(name: Name) -> None:
    """Forget a secret of the data directory."""
    from mainstay.core import secrets

    if not secrets.remove(name):
        fail(f"there is no secret {name} in the data directory", NOT_FOUND)
    say(f"secret {name} is gone")
