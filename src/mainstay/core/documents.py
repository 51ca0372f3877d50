"""Records as documents: blocks that become Markdown or a PDF with the same words. Times are UTC."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FONTS = {"": "DejaVuSans.ttf", "B": "DejaVuSans-Bold.ttf"}
MONO = "DejaVuSansMono.ttf"


@dataclass(frozen=True)
class Heading:
    """A heading. Level 1 is the title."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    text: str


@dataclass(frozen=True)
class Code:
    """Something that is read letter by letter."""

    text: str


@dataclass(frozen=True)
class Table:
    """A head and rows of the same width."""

    head: Sequence[str]
    rows: Sequence[Sequence[object]]


Block = Heading | Text | Code | Table


def moment(time: datetime | None) -> str:
    """A time as documents write it."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC" if time else "not yet"


def plain(text: object) -> str:
    """Text that cannot break out of a Markdown table or begin markup."""
    escaped = str(text).replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "\\`")
    return " ".join(escaped.split())


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """The lines of a Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    return lines + ["| " + " | ".join(plain(cell) for cell in row) + " |" for row in rows]


def markdown(blocks: Iterable[Block]) -> str:
    """The document as Markdown."""
    lines: list[str] = []
    for block in blocks:
        match block:
            case Heading():
                lines += [f"{'#' * block.level} {plain(block.text)}", ""]
            case Text():
                lines += [plain(block.text), ""]
            case Code():
                fence = "`" * max(3, _longest_fence(block.text) + 1)
                lines += [fence, block.text, fence, ""]
            case Table():
                lines += [*table(block.head, block.rows), ""]
    return "\n".join(lines)


def _longest_fence(text: str) -> int:
    longest = run = 0
    for letter in text:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest


def pdf(blocks: Iterable[Block], fonts: Path, made_at: datetime) -> bytes:
    """The document as PDF. ``fonts`` is a folder with DejaVu; without it, letters outside of Latin-1 become ``?``."""
    page = _Page(fonts, made_at)
    for block in blocks:
        match block:
            case Heading():
                page.heading(block)
            case Text():
                page.text(block.text)
            case Code():
                page.code(block.text)
            case Table():
                page.table(block)
    return bytes(page.pdf.output())


class _Page:
    def __init__(self, fonts: Path, made_at: datetime) -> None:
        from fpdf import FPDF  # some 20 MB that few processes ever need

        self.pdf = FPDF(format="A4")
        self.pdf.set_creation_date(made_at)
        self.pdf.set_auto_page_break(auto=True, margin=18)
        self.pdf.set_margins(16, 16)
        self.whole = all((fonts / name).is_file() for name in [*FONTS.values(), MONO])
        self.sans, self.mono = ("dejavu", "dejavumono") if self.whole else ("helvetica", "courier")
        if self.whole:
            for style, name in FONTS.items():
                self.pdf.add_font("dejavu", style, str(fonts / name))
            self.pdf.add_font("dejavumono", "", str(fonts / MONO))
        self.pdf.add_page()

    def _said(self, text: object) -> str:
        said = "".join(letter if letter.isprintable() or letter == "\n" else "·" for letter in str(text))
        return said if self.whole else said.encode("latin-1", "replace").decode("latin-1")

    def heading(self, block: Heading) -> None:
        self.pdf.set_font(self.sans, "B", {1: 15, 2: 11}.get(block.level, 9.5))
        self.pdf.ln(2 if block.level == 1 else 4)
        self.pdf.multi_cell(0, 6, self._said(block.text), align="L", new_x="LMARGIN", new_y="NEXT")
        self.pdf.ln(1)

    def text(self, text: str) -> None:
        self.pdf.set_font(self.sans, "", 9)
        self.pdf.multi_cell(0, 4.6, self._said(text), align="L", new_x="LMARGIN", new_y="NEXT")
        self.pdf.ln(1)

    def code(self, text: str) -> None:
        self.pdf.set_font(self.mono, "", 8)
        self.pdf.set_fill_color(240, 240, 237)
        self.pdf.multi_cell(0, 4.4, self._said(text), align="L", fill=True, new_x="LMARGIN", new_y="NEXT", padding=2)
        self.pdf.ln(2)

    def table(self, block: Table) -> None:
        from fpdf.fonts import FontFace

        size = 8 if len(block.head) <= 6 else 6.5
        self.pdf.set_font(self.sans, "", size)
        facts = len(block.head) == 2
        widths = (1, 3) if facts else None
        bold = FontFace(emphasis="BOLD")
        with self.pdf.table(
            col_widths=widths, text_align="LEFT", line_height=size * 0.55, headings_style=bold, padding=1
        ) as made:
            for cells in [block.head, *block.rows]:
                row = made.row()
                for cell in cells:
                    row.cell(self._said(cell))
        self.pdf.ln(2)
