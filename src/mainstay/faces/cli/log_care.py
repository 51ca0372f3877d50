"""Commands that look after kept log lines: who has how many, and days of them as files."""

from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from mainstay.faces.cli.output import show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(usage)
    app.command()(archive)


def usage(
    days: Annotated[int, typer.Option(min=1, max=3650, help="How many days, with today.")] = 7, as_json: Json = False
) -> None:
    """Show how many lines each service has on each day, what share that is, and about what disk it takes."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.logs import usage_rows

    show_rows(usage_rows(LOCAL, days), as_json=as_json)


def archive(
    before: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="Days before this one (UTC).")],
    to: Annotated[Path, typer.Option(help="Folder for the files.")],
    delete: Annotated[
        bool, typer.Option("--delete", help="Take lines out of the store once their file was read back.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Write days of log lines to Parquet files, a file a day and service, with a manifest; read each back."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.observe.logs import archive as archives

    found = archives.archive(LOCAL, date(before.year, before.month, before.day), to, say, delete=delete)
    show_rows(found, as_json=as_json)
