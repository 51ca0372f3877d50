"""Markdown that people wrote as blocks of documents."""

from typing import Any

from markdown_it import MarkdownIt

from mainstay.core.documents import Block, Code, Heading, Table, Text


def blocks_of(text: str, above: int = 1) -> list[Block]:
    """Markdown that people wrote as blocks; its headings stand below level ``above`` and one more."""
    found: list[Block] = []
    rows: list[list[str]] = []
    level, bullet = 0, ""
    for token in MarkdownIt("commonmark").enable("table").parse(text):
        match token.type:
            case "heading_open":
                level = min(above + 1 + int(token.tag[1]), 6)
            case "list_item_open":
                bullet = "• " if token.info == "" else f"{token.info}. "
            case "tr_open":
                rows.append([])
            case "fence" | "code_block":
                found.append(Code(token.content.rstrip("\n")))
            case "table_close":
                found.append(Table(rows[0], rows[1:]))
                rows = []
            case "inline" if rows:
                rows[-1].append(_words_of(token))
            case "inline":
                found.append(Heading(_words_of(token), level) if level else Text(bullet + _words_of(token)))
                level, bullet = 0, ""
    return found


def _words_of(token: Any) -> str:
    """The words of a line; a link is followed by its address."""
    words, address = [], ""
    for one in token.children or ():
        if one.type in {"softbreak", "hardbreak"}:
            words.append(" ")
        elif one.type == "link_open":
            address = str(one.attrs.get("href", ""))
        elif one.type == "link_close":
            words.append(f" ({address})")
        else:
            words.append(one.content)
    return "".join(words)
