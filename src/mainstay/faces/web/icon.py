"""The icon in the browser's tab, which carries the count of what waits."""

from urllib.parse import quote

_MARK = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<path fill="{fill}" d="M9 2h14l7 7v14l-7 7H9l-7-7V9z"/>'
)
_LINE = (
    '<path fill="none" stroke="#fff" stroke-width="3" stroke-linecap="round" d="M16 8v16M10 24h12M16 8l-6 9M16 8l6 9"/>'
)
_TEXT = (
    '<text x="16" y="22.5" font-family="sans-serif" font-size="{size}" font-weight="700" fill="#fff" '
    'text-anchor="middle">{text}</text>'
)


def favicon(count: int) -> str:
    """The icon as a data address: the mark in calm, a red octagon with the count when something waits."""
    if not count:
        svg = _MARK.format(fill="#3b4252") + _LINE
    else:
        text = str(count) if count < 100 else "99"
        svg = _MARK.format(fill="#b3261e") + _TEXT.format(text=text, size=19 if len(text) == 1 else 16)
    return "data:image/svg+xml," + quote(svg + "</svg>")
