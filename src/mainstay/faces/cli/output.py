"""How commands answer: results on standard output, messages on standard error, documented exit codes."""

import json
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

OK, FAILED, USAGE, NOT_FOUND, NOT_ALLOWED, UNAVAILABLE, INCONCLUSIVE = 0, 1, 2, 3, 4, 5, 6


def fail(text: str, code: int = FAILED) -> NoReturn:
    """End with a message and an exit code."""
    print(f"mainstay: {text}", file=sys.stderr, flush=True)
    raise SystemExit(code)


def plain(value: Any) -> Any:
    """A value as JSON holds it."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {str(name): plain(one) for name, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)


def show_rows(rows: Sequence[Mapping[str, Any]], *, as_json: bool) -> None:
    """A list, as JSON or as a table with aligned columns."""
    clean = [{name: plain(value) for name, value in row.items()} for row in rows]
    if as_json:
        print(json.dumps(clean, indent=2, ensure_ascii=False))
        return
    if not clean:
        print("none", file=sys.stderr)
        return
    names = list(clean[0])
    cells = [[_cell(row[name]) for name in names] for row in clean]
    widths = [max(len(name), *(len(line[place]) for line in cells)) for place, name in enumerate(names)]
    for line in [[name.upper() for name in names], *cells]:
        print("  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip())


def show_one(row: Mapping[str, Any], *, as_json: bool) -> None:
    """One thing, as JSON or a line for each fact."""
    clean = {name: plain(value) for name, value in row.items()}
    if as_json:
        print(json.dumps(clean, indent=2, ensure_ascii=False))
        return
    width = max(map(len, clean))
    for name, value in clean.items():
        text = json.dumps(value, ensure_ascii=False) if isinstance(value, (dict, list)) else _cell(value)
        print(f"{name.ljust(width)}  {text}")


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(str(value).split())[:100]
