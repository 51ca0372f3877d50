"""Drawings of boxes and lines: as SVG in the colour of the text around them, with words for who cannot see them."""

from dataclasses import dataclass
from html import escape


@dataclass(frozen=True)
class Box:
    """A box with its lines of text, in points from the upper left corner. ``kind`` says how it is drawn."""

    left: float
    top: float
    width: float
    height: float
    lines: tuple[str, ...]
    kind: str


@dataclass(frozen=True)
class Drawing:
    """Boxes, and lines between them as (left, top, right, bottom)."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[tuple[float, float, float, float], ...]


@dataclass(frozen=True)
class Picture:
    """A drawing with its name, and the words for who cannot see it."""

    drawing: Drawing
    title: str
    alternative: str


# How boxes of a kind are outlined; every other is solid.
DASHES = {"contributing": "6 3", "ruled out": "2 3"}


def svg(picture: Picture) -> str:
    """The drawing as SVG in the colour of the text around it; its words are its title and description."""
    drawing = picture.drawing
    lines = "".join(f'<path d="M{left:g} {top:g}L{right:g} {bottom:g}"/>' for left, top, right, bottom in drawing.lines)
    boxes = "".join(map(_box, drawing.boxes))
    return (
        f'<svg role="img" viewBox="0 0 {drawing.width:g} {drawing.height:g}" width="{drawing.width:g}" '
        f'height="{drawing.height:g}" fill="none" stroke="currentColor"><title>{shown(picture.title)}</title>'
        f"<desc>{shown(picture.alternative)}</desc>{lines}{boxes}</svg>"
    )


def _box(box: Box) -> str:
    dash = f' stroke-dasharray="{DASHES[box.kind]}"' if box.kind in DASHES else ""
    words = "".join(
        f'<text x="{box.left + 8:g}" y="{box.top + 18 + 18 * at:g}" font-size="13" fill="currentColor" stroke="none"'
        f"{' font-weight=' + chr(34) + '600' + chr(34) if at == 0 else ''}>{shown(line)}</text>"
        for at, line in enumerate(box.lines)
    )
    size = f'x="{box.left:g}" y="{box.top:g}" width="{box.width:g}" height="{box.height:g}"'
    return f'<rect {size} rx="4"{dash}/>{words}'


def shown(text: object) -> str:
    """Text as HTML may have it."""
    return escape(printable(text))


def printable(text: object) -> str:
    """Text without what turns the direction of writing or cannot be seen."""
    return "".join(letter if letter.isprintable() or letter == "\n" else "·" for letter in str(text))
