"""The map of a service: who needs it up to the business, and what it needs, laid out as columns. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NODE_W, NODE_H = 172, 34
GAP_X, GAP_Y = 56, 12
PAD = 8
NAME_LENGTH = 22
PER_COLUMN = 8


@dataclass(frozen=True)
class Node:
    """A box. Kind: process, service or here."""

    key: str
    name: str
    kind: str
    x: int
    y: int
    trouble: bool
    href: str

    @property
    def shown(self) -> str:
        """The name, cut to the box; its whole stands in the title."""
        return self.name if len(self.name) <= NAME_LENGTH else self.name[: NAME_LENGTH - 1] + "…"


@dataclass(frozen=True)
class Map:
    """A drawing of its size, with edges as SVG paths. ``left_out`` counts boxes that had no room."""

    width: int
    height: int
    nodes: tuple[Node, ...]
    edges: tuple[str, ...]
    left_out: int


def _levels(start: str, edges: Iterable[tuple[str, str]]) -> dict[str, int]:
    """How many steps each reachable key is away from the start; breadth first, so that cycles end."""
    following: dict[str, list[str]] = {}
    for source, target in edges:
        following.setdefault(source, []).append(target)
    found, here, distance = {start: 0}, [start], 0
    while here:
        distance += 1
        here = [one for key in here for one in following.get(key, ()) if one not in found]
        found.update(dict.fromkeys(here, distance))
        here = list(dict.fromkeys(here))
    return found


def lay_out(
    here: str,
    names: Mapping[str, str],
    edges: Sequence[tuple[str, str]],
    processes: Sequence[tuple[str, str, frozenset[str]]],
    trouble: frozenset[str],
) -> Map:
    """Place the service in the middle: its callers and then business processes to the left, callees to the right.

    ``edges`` are (caller, callee); ``processes`` are (key, name, services that it needs); ``trouble`` names the
    services that have an open incident.
    """
    up = _levels(here, [(callee, caller) for caller, callee in edges])
    down = {key: far for key, far in _levels(here, edges).items() if key not in up and far <= 2}
    hit = [process for process in processes if process[2] & up.keys()]
    highest = max(up.values())
    columns: dict[int, list[tuple[str, str, str]]] = {}
    for key, far in [*((key, -far) for key, far in up.items()), *down.items()]:
        columns.setdefault(far, []).append((key, names.get(key, key), "here" if key == here else "service"))
    if hit:
        columns[-highest - 1] = [(f"process:{key}", name, "process") for key, name, _ in hit]
    places, left_out = _place(columns, trouble)
    by_key = {node.key: node for node in places}
    lines = [(f"process:{key}", one) for key, _, needs in hit for one in needs]
    drawn = tuple(_edge(by_key[a], by_key[b]) for a, b in [*lines, *edges] if a in by_key and b in by_key)
    width = max(node.x for node in places) + NODE_W + PAD
    height = max(node.y for node in places) + NODE_H + PAD
    return Map(width, height, tuple(places), drawn, left_out)


def _place(columns: Mapping[int, list[tuple[str, str, str]]], trouble: frozenset[str]) -> tuple[list[Node], int]:
    tallest = min(max(len(rows) for rows in columns.values()), PER_COLUMN)
    nodes, left_out = [], 0
    for place, far in enumerate(sorted(columns)):
        rows = sorted(columns[far], key=lambda row: (row[0] not in trouble, row[1]))
        left_out += max(len(rows) - PER_COLUMN, 0)
        rows = rows[:PER_COLUMN]
        top = PAD + (tallest - len(rows)) * (NODE_H + GAP_Y) // 2
        for number, (key, name, kind) in enumerate(rows):
            x, y = PAD + place * (NODE_W + GAP_X), top + number * (NODE_H + GAP_Y)
            href = "" if kind != "service" else f"/services/{key}"
            nodes.append(Node(key, name, kind, x, y, key in trouble, href))
    return nodes, left_out


def _edge(source: Node, target: Node) -> str:
    if source.x == target.x:  # Two in one column: an arc beside it.
        x, a, b = source.x + NODE_W, source.y + NODE_H // 2, target.y + NODE_H // 2
        return f"M{x} {a}C{x + GAP_X // 2} {a} {x + GAP_X // 2} {b} {x} {b}"
    back = source.x > target.x
    start_x, end_x = (source.x, target.x + NODE_W) if back else (source.x + NODE_W, target.x)
    bend = -GAP_X // 2 if back else GAP_X // 2
    a, b = source.y + NODE_H // 2, target.y + NODE_H // 2
    return f"M{start_x} {a}C{start_x + bend} {a} {end_x - bend} {b} {end_x} {b}"
