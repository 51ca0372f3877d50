"""Markdown of people as HTML: no HTML of their own, no scripts in links, no pictures from elsewhere."""

from functools import lru_cache

from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.token import Token

# A heading of a text stands below those of the screen that it is shown on.
_BELOW = {"h1": "h3", "h2": "h4", "h3": "h5", "h4": "h6", "h5": "h6"}


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("js-default", {"html": False}).disable("image")


def render(text: str) -> SafeString:
    """A text as HTML that may stand on any screen."""
    parser = _parser()
    tokens = parser.parse(text.replace("\r\n", "\n"))
    for token in tokens:
        if token.type in {"heading_open", "heading_close"}:
            token.tag = _BELOW.get(token.tag, token.tag)
        for inner in token.children or ():
            _harden(inner)
    # The parser escapes everything that is not Markdown, which the tests hold it to.
    return mark_safe(str(parser.renderer.render(tokens, parser.options, {})))  # noqa: S308


def _harden(token: Token) -> None:
    if token.type == "link_open":
        token.attrSet("rel", "noreferrer")
