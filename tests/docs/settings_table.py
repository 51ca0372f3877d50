"""``python -m tests.docs.settings_table``: write the table of docs/reference/settings.md anew."""

from pathlib import Path
from typing import Any

from mainstay.core.settings import SPECS

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "settings.md"
BEGIN, END = "<!-- table -->", "<!-- end of table -->"


def shown(default: Any) -> str:
    """A default as the table has it."""
    if default in ("", ()):
        return "empty"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, float):
        return f"`{default:g}`"
    return f"`{default}`"


def table() -> str:
    """Every setting as a row: name, environment variable, default, meaning."""
    lines = ["| setting | environment variable | default | meaning |", "| --- | --- | --- | --- |"]
    for spec in SPECS:
        secret = " A secret: no flag, and never shown." if spec.secret else ""
        lines.append(f"| `{spec.name}` | `{spec.env}` | {shown(spec.default)} | {spec.help}{secret} |")
    return "\n".join(lines)


def main() -> None:
    """Replace what stands between the two marks."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
