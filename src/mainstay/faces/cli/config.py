"""Commands on settings and on configuration as code."""

import json
from pathlib import Path
from typing import Annotated

import typer

from mainstay.core.settings import current
from mainstay.faces.cli.operate import Json, explain_rows
from mainstay.faces.cli.output import USAGE, fail, show_rows
from mainstay.faces.cli.setup import say, use_django

config_app = typer.Typer(help="Settings.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(config_app, name="config")
    app.command()(apply)
    app.command()(export)
    app.command()(schema)


def apply(
    files: list[Path],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference and change nothing.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Leave bad entries out and apply the good ones.")] = False,
) -> None:
    """Bring the configuration in line with YAML files, or with rule files of Prometheus."""
    use_django()
    from mainstay.config import read, services
    from mainstay.core.access import LOCAL

    try:
        wanted = read.read_files(files, partial=partial)
        changes = services.apply(LOCAL, wanted, dry_run=dry_run, keep_going=partial)
    except read.ConfigError as error:
        for problem in error.problems:
            say(problem)
        fail(f"nothing was changed: {len(error.problems)} problem(s)", USAGE)
    for change in changes:
        print(change)
    for problem in wanted.problems:
        say(problem)
    said = f"{len(changes)} difference(s)" if changes else "no difference"
    say(f"{said}; nothing was changed, this was a dry run" if dry_run else f"{said}{', applied' if changes else ''}")
    if wanted.problems:
        fail(f"{len(wanted.problems)} problem(s); the entries that they name were left as they are", USAGE)


def export() -> None:
    """Print the configuration as the YAML that 'apply' takes."""
    use_django()
    from mainstay.config import services
    from mainstay.core.access import LOCAL

    print(services.export(LOCAL), end="")


def schema() -> None:
    """Print the JSON Schema of configuration files, for completion in editors."""
    use_django()
    from mainstay.config.schema import json_schema

    print(json.dumps(json_schema(), indent=2))


@config_app.command("explain")
def explain(as_json: Json = False) -> None:
    """Show every setting, its value, and where the value came from."""
    rows = explain_rows()
    if not as_json:
        rows = [{name: row[name] for name in ("setting", "value", "from")} for row in rows]
    show_rows(rows, as_json=as_json)


@config_app.command("webhook-secret")
def webhook_secret() -> None:
    """Print the secret that outgoing webhooks are signed with, for those who check the signature."""
    use_django()
    from mainstay.core.webhooks import signing_secret

    print(signing_secret())


@config_app.command("path")
def path() -> None:
    """Print the data directory."""
    print(current().data_dir)
