"""Commands on formats of log lines: which there are, and what one makes of a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mainstay.faces.cli.output import FAILED, USAGE, fail, show_rows
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Json

if TYPE_CHECKING:
    from mainstay.observe.logs.formats.definition import Format
    from mainstay.observe.logs.formats.trying import Tried

app = typer.Typer(help="Formats of log lines.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Formats of log lines that a person describes."""


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the formats, with how many lines of the last hour each fitted and how many it did not."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.observe.logs.formats import services

    rows = [
        {
            "key": one.format.key,
            "services": ", ".join(one.format.services),
            "fitted": one.counts.matched,
            "not_fitted": one.counts.missed,
            "enabled": one.format.enabled,
            "problem": one.problem or None,
        }
        for one in services.listed(LOCAL)
    ]
    show_rows(rows, as_json=as_json)


@app.command("test")
def try_out(
    definition: Annotated[Path, typer.Argument(metavar="FORMAT", help="YAML: log_formats, or one entry of it.")],
    file: Annotated[Path, typer.Argument(help="A log file; .gz, .bz2 and .xz are unpacked.")],
    key: Annotated[str, typer.Option(help="Which of several formats. Empty: the first.")] = "",
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="How many lines at most.")] = 20,
    failing: Annotated[bool, typer.Option("--failing", help="Show lines that do not fit alone.")] = False,
    as_json: Json = False,
) -> None:
    """Show what a format makes of the lines of a file. No server is needed; ends with 1 when no line fits."""
    from mainstay.core import clock
    from mainstay.observe.logs import offline
    from mainstay.observe.logs.formats.apply import bounds
    from mainstay.observe.logs.formats.definition import format_of
    from mainstay.observe.logs.formats.pattern import FormatError
    from mainstay.observe.logs.formats.trying import tried

    entry = _entry(definition, key)
    try:
        one = format_of(entry)
        lines = offline.lines_of(file)
    except (FormatError, offline.FileError) as error:
        fail(f"{definition}: {error}" if isinstance(error, FormatError) else str(error), USAGE)
    found = tried(one, lines.to_list(), clock.now(), bounds())
    fitting = sum(line.fits for line in found)
    skipped = sum(not line.fits and not line.stopped_at for line in found)
    shown = [line for line in found if not line.fits and line.stopped_at] if failing else found
    show_rows([_row(line) for line in shown[:limit]], as_json=as_json)
    left_out = f", {skipped:,} lack the text {one.contains!r}" if skipped else ""
    say(f"{fitting:,} of {len(found):,} lines fit{left_out}")
    if not fitting:
        raise SystemExit(FAILED)


def formats_in(path: Path) -> list["Format"]:
    """The formats that a configuration file defines and that are switched on."""
    from mainstay.observe.logs.formats.definition import format_of
    from mainstay.observe.logs.formats.pattern import FormatError

    try:
        return [format_of(entry) for entry in _entries(path).values() if entry.get("enabled", True)]
    except FormatError as error:
        fail(f"{path}: {error}", USAGE)


def _entry(path: Path, key: str) -> Mapping[str, Any]:
    entries = _entries(path)
    if key not in {"", *entries}:
        fail(f"{path} has no log format {key!r}; it has {', '.join(entries)}", USAGE)
    return entries[key] if key else next(iter(entries.values()))


def _entries(path: Path) -> Mapping[str, Mapping[str, Any]]:
    """The formats in a file: a configuration file, or a file with one entry alone."""
    import yaml

    from mainstay.config.read import ConfigError, read

    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.safe_load(text)
        if isinstance(data, dict) and "pattern" in data:
            text = yaml.safe_dump({"log_formats": [{"key": path.stem, **data}]})
        entries = read([(str(path), text)]).entries["log_formats"]
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ConfigError) as error:
        fail(f"{path}: {error.strerror}" if isinstance(error, OSError) else str(error), USAGE)
    if not entries:
        fail(f"{path} has no log_formats", USAGE)
    return entries


def _row(line: "Tried") -> dict[str, Any]:
    """A line for people and programs: its parts, or how far the pattern reached."""
    if line.fits:
        said = [f"{name}={value}" for name, value in line.fields.items()]
        return {"fits": True, "time": line.time, "level": line.level, "message": line.message, "fields": " ".join(said)}
    reached = "".join(piece.text for piece in line.pieces)
    stopped = f"{reached}▸{line.rest}  (here no {line.stopped_at})" if line.stopped_at else line.line
    return {"fits": False, "time": None, "level": "", "message": stopped, "fields": ""}
