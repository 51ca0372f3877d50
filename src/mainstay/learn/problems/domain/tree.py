"""The tree of causes: an outline that people write, the chain of whys in it, and a picture of it.

One line is one node, two spaces deeper than what it explains: ``cause: the timeout is 35 ms [/i/5]``. The kinds are
``cause``, ``contributing`` and ``ruled out``; what stands in brackets at the end is where the evidence is.
"""

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from mainstay.core.drawing import Box, Drawing

KINDS = ("cause", "contributing", "ruled out")
_LINE = re.compile(r"(?P<indent> *)(?P<kind>[a-z ]+?): *(?P<text>.+?)(?: *\[(?P<evidence>[^\]\s]+)\])?")
_WIDE, _HIGH, _GAP, _INDENT, _LETTERS = 340, 18, 10, 28, 46


class TreeError(ValueError):
    """An outline cannot be read. The text names the line and the remedy."""


@dataclass(frozen=True)
class Node:
    """One node: how deep it stands, what kind it is, what it says, and where the evidence is."""

    depth: int
    kind: str
    text: str
    evidence: str = ""


def read(outline: str) -> list[Node]:
    """The nodes in order. Raises ``TreeError``."""
    nodes: list[Node] = []
    for number, line in enumerate(outline.replace("\r\n", "\n").split("\n"), 1):
        if not line.strip():
            continue
        found = _LINE.fullmatch(line.rstrip())
        if found is None or found["kind"] not in KINDS:
            raise TreeError(f"line {number}: begin with one of {', '.join(f'{kind}:' for kind in KINDS)}")
        depth, odd = divmod(len(found["indent"]), 2)
        deepest = nodes[-1].depth + 1 if nodes else 0
        if odd or depth > deepest:
            raise TreeError(f"line {number}: indent by two spaces for each step, at most {2 * deepest} here")
        nodes.append(Node(depth, found["kind"], found["text"].strip(), found["evidence"] or ""))
    return nodes


def outline(nodes: Sequence[Node]) -> str:
    """The nodes as text, as ``read`` takes it."""
    return "\n".join(
        f"{'  ' * one.depth}{one.kind}: {one.text}{f' [{one.evidence}]' if one.evidence else ''}" for one in nodes
    )


def whys(nodes: Sequence[Node]) -> list[str]:
    """The chain of causes from what was seen down to the root: of each level the first cause below the last."""
    chain: list[Node] = []
    for node in nodes:
        if node.kind == "cause" and node.depth == len(chain):
            chain.append(node)
        elif chain and node.depth < len(chain) and node.kind == "cause":
            break
    return [one.text for one in chain]


def draw(nodes: Sequence[Node]) -> Drawing:
    """The tree from the top down, each level further to the right."""
    boxes: list[Box] = []
    lines: list[tuple[float, float, float, float]] = []
    above: list[Box] = []
    top = 1.0
    for node in nodes:
        told = [f"{node.kind.capitalize()}:", *textwrap.wrap(node.text, _LETTERS)]
        box = Box(1 + node.depth * _INDENT, top, _WIDE, _HIGH * len(told) + 10, tuple(told), node.kind)
        del above[node.depth :]
        if above:
            stem = above[-1].left + _INDENT / 2
            middle = box.top + box.height / 2
            lines += [(stem, above[-1].top + above[-1].height, stem, middle), (stem, middle, box.left, middle)]
        above.append(box)
        boxes.append(box)
        top += box.height + _GAP
    width = max((box.left + box.width for box in boxes), default=0) + 1
    return Drawing(width, max(top - _GAP + 1, 1), tuple(boxes), tuple(lines))
