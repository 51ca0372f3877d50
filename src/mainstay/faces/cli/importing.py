"""The command that imports log files."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from mainstay.faces.cli.output import FAILED, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

app = typer.Typer(help="Import what others have kept.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Import what others have kept."""


def _pairs(said: list[str]) -> list[tuple[str, str]]:
    """GLOB=VALUE, or VALUE for all files."""
    found = []
    for one in said:
        pattern, equals, value = one.rpartition("=")
        found.append((pattern if not equals or "*" in pattern else f"*{pattern}", value) if equals else ("*", one))
    return found


@app.command()
def logs(
    paths: Annotated[list[Path], typer.Argument(help="Files, folders and archives.")],
    service: Annotated[
        list[str] | None, typer.Option(help="SERVICE, or GLOB=SERVICE for some files; may be repeated.")
    ] = None,
    timezone: Annotated[
        list[str] | None, typer.Option(help="Zone of moments that name none: +hh:mm or a name; or GLOB=ZONE.")
    ] = None,
    clock_correction: Annotated[
        list[str] | None, typer.Option(help="SECONDS that are added to every moment; or GLOB=SECONDS.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read everything and keep nothing.")] = False,
    again: Annotated[bool, typer.Option("--again", help="Import files that were imported before, too.")] = False,
    as_json: Json = False,
) -> None:
    """Import log files of any kind on this host, and say what was understood of each."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.observe.intake.bundle.run import Wish, run

    wish = Wish(_pairs(service or []), _pairs(timezone or []), _pairs(clock_correction or []), dry_run, again)
    found = []
    for report in run(LOCAL, paths, wish, say):
        found.append(report.as_row())
        say(f"{report.file}: {report.records:,} records of {report.lines:,} lines{_said(found[-1])}")
    if as_json:
        print(json.dumps(found, indent=2, ensure_ascii=False))
    else:
        show_rows([_short(one) for one in found], as_json=False)
    if found and all(one["problems"] for one in found):
        raise SystemExit(FAILED)


def _said(row: dict[str, Any]) -> str:
    return "".join(f"; {problem}" for problem in row["problems"])


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """A row for a table."""
    return {
        **{name: row[name] for name in ("file", "lines", "records")},
        "formats": ", ".join(f"{name} {count}" for name, count in row["formats"].items()),
        **{name: row[name] for name in ("first", "last", "with_time")},
        "levels": ", ".join(f"{name} {count}" for name, count in row["levels"].items()),
        "encoding": row["encoding"],
        "assumed": "; ".join(row["assumed"]),
        "problems": "; ".join(row["problems"]),
    }
