"""Records as documents: blocks that become Markdown, HTML or a PDF with the same words. Times are UTC."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mainstay.core.drawing import DASHES, Picture, printable, shown, svg

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


@dataclass(frozen=True)
class Graph:
    """A graph that is told in words where it cannot be seen. ``drawn`` is our own SVG, with its texts escaped."""

    drawn: str
    said: str


Block = Heading | Text | Code | Table | Picture | Graph
FORMATS = {"md": "text/markdown; charset=utf-8", "html": "text/html; charset=utf-8", "pdf": "application/pdf"}


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
            case Graph():
                lines += [plain(block.said), ""]
            case Code():
                fence = "`" * max(3, _longest_fence(block.text) + 1)
                lines += [fence, block.text, fence, ""]
            case Table():
                lines += [*table(block.head, block.rows), ""]
            case Picture():
                lines += [f"{block.title}:", "", "```", block.alternative, "```", ""]
    return "\n".join(lines)


def _longest_fence(text: str) -> int:
    longest = run = 0
    for letter in text:
        run = run + 1 if letter == "`" else 0
        longest = max(longest, run)
    return longest


# A page that is complete in itself: it runs nothing and fetches nothing, on paper as on screen.
_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }}
h1 {{ font-size: 1.5rem; }} h2 {{ font-size: 1.15rem; margin-top: 2rem; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; width: 100%; font-size: .9rem; }}
th, td {{ text-align: left; vertical-align: top; padding: .3rem .6rem; border-bottom: 1px solid; }}
td {{ overflow-wrap: anywhere; }}
p, pre {{ overflow-wrap: anywhere; white-space: pre-wrap; }}
figure {{ margin: 1rem 0; }} svg:not([width]) {{ width: 100%; height: auto; }} figcaption {{ font-size: .85rem; }}
footer {{ font-size: .85rem; margin-top: 2rem; }}
@page {{ size: A4; margin: 16mm; }}
@media print {{
  body {{ margin: 0; max-width: none; padding: 0; font-size: 9.5pt; }}
  .wide {{ overflow: visible; }}
  thead {{ display: table-header-group; }} tr, figure {{ break-inside: avoid; }} h1, h2 {{ break-after: avoid; }}
}}
</style>
</head>
<body>
<main>
{body}
</main>
<footer>Made {made_at}</footer>
</body>
</html>
"""


def html(blocks: Iterable[Block], made_at: datetime) -> str:
    """The document as a page that is complete in itself."""
    found = list(blocks)
    title = next((block.text for block in found if isinstance(block, Heading)), "Record")
    return _PAGE.format(title=shown(title), body="\n".join(map(_element, found)), made_at=moment(made_at))


def _element(block: Block) -> str:
    match block:
        case Heading():
            return f"<h{block.level}>{shown(block.text)}</h{block.level}>"
        case Text():
            return f"<p>{shown(block.text)}</p>"
        case Code():
            return f'<pre tabindex="0">{shown(block.text)}</pre>'
        case Graph():
            return f"<figure>{block.drawn}<figcaption>{shown(block.said)}</figcaption></figure>"
        case Table():
            head = "".join(f'<th scope="col">{shown(cell)}</th>' for cell in block.head)
            rows = "\n".join(f"<tr>{''.join(f'<td>{shown(cell)}</td>' for cell in row)}</tr>" for row in block.rows)
            table = f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
            return f'<div class="wide" tabindex="0">{table}</div>'
        case Picture():
            return f'<figure class="wide" tabindex="0">{svg(block)}</figure>'


def as_file(blocks: Iterable[Block], form: str, fonts: Path, made_at: datetime) -> bytes:
    """The document in one of ``FORMATS``."""
    if form == "pdf":
        return pdf(blocks, fonts, made_at)
    return (html(blocks, made_at) if form == "html" else markdown(blocks)).encode()


def pdf(blocks: Iterable[Block], fonts: Path, made_at: datetime) -> bytes:
    """The document as PDF. ``fonts`` is a folder with DejaVu; without it, letters outside of Latin-1 become ``?``."""
    page = _Page(fonts, made_at)
    for block in blocks:
        match block:
            case Heading():
                page.heading(block)
            case Text():
                page.text(block.text)
            case Graph():
                page.text(block.said)
            case Code():
                page.code(block.text)
            case Table():
                page.table(block)
            case Picture():
                page.picture(block)
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
        said = printable(text)
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

    def picture(self, block: Picture) -> None:
        drawing = block.drawing
        self.heading(Heading(block.title, 3))
        # Points of the drawing to millimetres of the page, no wider than it and no higher than what is left of a page.
        scale = min(0.28, self.pdf.epw / drawing.width, (self.pdf.eph - 12) / drawing.height)
        if self.pdf.get_y() + drawing.height * scale > self.pdf.h - self.pdf.b_margin:
            self.pdf.add_page()
        left, top = self.pdf.l_margin, self.pdf.get_y()
        for one in drawing.lines:
            self.pdf.line(*(place * scale + (left, top)[at % 2] for at, place in enumerate(one)))
        for box in drawing.boxes:
            if box.kind in DASHES:
                self.pdf.set_dash_pattern(dash=1.5, gap=1)
            self.pdf.rect(left + box.left * scale, top + box.top * scale, box.width * scale, box.height * scale)
            self.pdf.set_dash_pattern()
            for at, line in enumerate(box.lines):
                self.pdf.set_font(self.sans, "B" if at == 0 else "", 13 * scale / 0.3528)
                self.pdf.text(left + (box.left + 8) * scale, top + (box.top + 18 + 18 * at) * scale, self._said(line))
        self.pdf.set_y(top + drawing.height * scale + 3)
