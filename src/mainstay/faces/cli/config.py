"""Commands on settings and on configuration as code."""

import typer

from mainstay.core.settings import current
from mainstay.faces.cli.operate import Json, explain_rows
from mainstay.faces.cli.output import show_rows

config_app = typer.Typer(help="Settings.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(config_app, name="config")


@config_app.command("explain")
def explain(as_json: Json = False) -> None:
    """Show every setting, its value, and where the value came from."""
    rows = explain_rows()
    if not as_json:
        rows = [{name: row[name] for name in ("setting", "value", "from")} for row in rows]
    show_rows(rows, as_json=as_json)


@config_app.command("path")
def path() -> None:
    """Print the data directory."""
    print(current().data_dir)
