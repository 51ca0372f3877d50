"""Markdown as Jira takes it: an Atlassian document for version 3, wiki markup for version 2.

Headings, lists, fenced code, tables (as code), links and code within a line are understood; the rest is text.
Source: Atlassian Document Format, structure of nodes and marks; "Text formatting notation".
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_HEADING = re.compile(r"(#{1,6})\s+(.*)")
_ITEM = re.compile(r"\s*[-*]\s+(.*)")
_INLINE = re.compile(r"`([^`]+)`|\*\*([^*]+)\*\*|\[([^\]]+)\]\((https?://[^)\s]+)\)")


@dataclass(frozen=True)
class _Block:
    kind: str
    lines: tuple[str, ...]
    level: int = 0


def _kind(line: str) -> str:
    if line.startswith("```"):
        return "code"
    if line.startswith("|"):
        return "table"
    if _HEADING.fullmatch(line):
        return "heading"
    return "list" if _ITEM.fullmatch(line) else "text"


def _blocks(text: str) -> Iterator[_Block]:
    lines = text.replace("\r\n", "\n").split("\n")
    at = 0
    while at < len(lines):
        if not lines[at].strip():
            at += 1
            continue
        kind, start = _kind(lines[at]), at
        at += 1
        if kind == "code":
            fence = lines[start][: len(lines[start]) - len(lines[start].lstrip("`"))]
            while at < len(lines) and not lines[at].startswith(fence):
                at += 1
            yield _Block("code", tuple(lines[start + 1 : at]))
            at += 1
        elif kind == "heading":
            found = _HEADING.fullmatch(lines[start])
            yield _Block("heading", (found[2],), len(found[1])) if found else _Block("text", (lines[start],))
        else:
            while at < len(lines) and lines[at].strip() and _kind(lines[at]) == kind:
                at += 1
            yield _Block("code" if kind == "table" else kind, tuple(lines[start:at]))


def _pieces(line: str) -> Iterator[tuple[str, str, str]]:
    """(text, mark, address) of a line, in order."""
    end = 0
    for found in _INLINE.finditer(line):
        if found.start() > end:
            yield line[end : found.start()], "", ""
        code, strong, words, address = found.groups()
        if code:
            yield code, "code", ""
        elif strong:
            yield strong, "strong", ""
        else:
            yield words, "link", address
        end = found.end()
    if end < len(line):
        yield line[end:], "", ""


def _node(text: str, mark: str, address: str) -> dict[str, Any]:
    node: dict[str, Any] = {"type": "text", "text": text}
    if mark:
        node["marks"] = [{"type": mark, **({"attrs": {"href": address}} if address else {})}]
    return node


def _paragraph(line: str) -> dict[str, Any]:
    return {"type": "paragraph", "content": [_node(*piece) for piece in _pieces(line)]}


def _items(block: _Block) -> list[str]:
    return [found[1] if (found := _ITEM.fullmatch(line)) else line for line in block.lines]


def adf(text: str) -> dict[str, Any]:
    """The document of version 3."""
    content: list[dict[str, Any]] = []
    for block in _blocks(text):
        if block.kind == "code":
            code = "\n".join(block.lines)
            content.append({"type": "codeBlock", "content": [{"type": "text", "text": code}] if code else []})
        elif block.kind == "heading":
            inline = _paragraph(block.lines[0])["content"]
            content.append({"type": "heading", "attrs": {"level": block.level}, "content": inline})
        elif block.kind == "list":
            items = [{"type": "listItem", "content": [_paragraph(one)]} for one in _items(block)]
            content.append({"type": "bulletList", "content": items})
        else:
            content.append(_paragraph(" ".join(block.lines)))
    return {"type": "doc", "version": 1, "content": content}


def _wiki_line(line: str) -> str:
    out = []
    for text, mark, address in _pieces(line):
        # Braces and brackets begin macros and links in wiki markup.
        plain = re.sub(r"([{}\[\]])", r"\\\1", text)
        shown = {"code": f"{{{{{plain}}}}}", "strong": f"*{plain}*", "link": f"[{plain}|{address}]"}
        out.append(shown.get(mark, plain))
    return "".join(out)


def wiki(text: str) -> str:
    """The markup of version 2. A mark stays as it is, so that it is found again."""
    out = []
    for block in _blocks(text):
        if block.kind == "code":
            out.append("{noformat}\n" + "\n".join(block.lines).replace("{noformat}", "{ noformat}") + "\n{noformat}")
        elif block.kind == "heading":
            out.append(f"h{block.level}. {_wiki_line(block.lines[0])}")
        elif block.kind == "list":
            out.append("\n".join(f"* {_wiki_line(one)}" for one in _items(block)))
        else:
            line = " ".join(block.lines)
            out.append(line if line.startswith("[mainstay:") else _wiki_line(line))
    return "\n\n".join(out)


def text_of(body: Any) -> str:
    """The words of a text that Jira answered: plain in version 2 and in webhooks, a document in version 3."""
    if isinstance(body, str):
        return body
    if not isinstance(body, Mapping):
        return ""
    if body.get("type") == "text":
        return str(body.get("text", ""))
    if body.get("type") == "hardBreak":
        return "\n"
    inside = "".join(text_of(one) for one in body.get("content") or ())
    return inside + "\n" if body.get("type") in {"paragraph", "heading", "codeBlock", "listItem"} else inside
