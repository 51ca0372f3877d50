"""A case as a page: from its cleaned record to the blocks of a document.

The headings are the documented layout: whoever reads a case finds each thing under its own.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from mainstay.core.documents import Block, Code, Graph, Heading, Table, Text
from mainstay.learn.escalation.domain.glance import glance

Record = Mapping[str, Any]


def blocks(record: Record, pictures: Mapping[str, str], files: Sequence[str]) -> list[Block]:
    """The whole page. ``pictures`` are SVG by the name of their file, ``files`` what lies beside the page."""
    parts: tuple[Callable[[], Iterable[Block]], ...] = (
        lambda: _head(record),
        lambda: _hit(record),
        lambda: _suspects(record),
        lambda: _changes(record),
        lambda: _again(record),
        lambda: _queries(record),
        lambda: _patterns(record),
        lambda: _graphs(record, pictures),
        lambda: _runs(record),
        lambda: _differences(record),
        lambda: _affected(record),
        lambda: _tried(record),
        lambda: _verify(record),
        lambda: _people(record),
        lambda: _log(record),
        lambda: _lacks(record),
        lambda: _files(files),
    )
    return [block for part in parts for block in part()]


def summary(record: Record) -> list[Block]:
    """What fits into an issue or a mail: the note and the first answers."""
    note: list[Block] = [Text(record["note"])] if record["note"] else []
    return [*note, Table(("Question", "Answer"), glance(record))]


def _head(record: Record) -> Iterator[Block]:
    yield Heading(f"{record['incident']}: {record['title']}", 1)
    yield Text(f"{record['state']} at {record['made_at']}. All times are UTC. {record['link']}")
    if record["note"]:
        yield Heading("Note")
        yield Text(record["note"])
    yield Heading("At a glance")
    yield Table(("Question", "Answer"), glance(record))


def _hit(record: Record) -> Iterator[Block]:
    hit = record["hit"]
    yield Heading("Who is hit")
    facts = [
        ("Priority", f"{hit['priority']} ({hit['reason']})"),
        ("Impact", f"{hit['sentence']} {hit['why']}".strip()),
        ("Urgency", hit["urgency"]),
        *((name, said) for name, said in record["clocks"]),
        *((name.capitalize(), at) for name, at in record["times"].items() if at),
    ]
    yield Table(("Fact", "Value"), facts)
    rows = [
        (one["name"], one["importance"], one["users"], _cost(one, hit["currency"]), " → ".join(one["path"]))
        for one in hit["processes"]
    ]
    if rows:
        yield Table(("Process", "Importance", "Users", "Cost an hour", "Needs"), rows)
    yield Table(
        ("Alert", "State", "Since", "Until", "Value", "It said"),
        [
            (one["name"], one["state"], one["since"], one["until"] or "now", _number(one["value"]), one["said"])
            for one in record["alerts"]
        ],
    )


def _cost(process: Mapping[str, Any], currency: str) -> str:
    return f"{process['cost_per_hour']} {currency}" if process.get("cost_per_hour") else "not said"


def _number(value: float | None) -> str:
    return f"{value:.6g}" if value is not None else "none"


def _suspects(record: Record) -> Iterator[Block]:
    said = record["diagnosis"]
    yield Heading("Suspects and what speaks against them")
    if not said["services"]:
        yield Text(said["reason"])
    else:
        yield Table(
            ("Service", "How sure", "Evidence", "Against", "Refuted by"), [_suspect(one) for one in said["services"]]
        )
    if said["missing"]:
        yield Text(f"Not known: {', '.join(said['missing'])}.")


def _suspect(one: Mapping[str, Any]) -> tuple[str, ...]:
    evidence = "; ".join(sign["text"] for sign in one["evidence"]) or one["reason"]
    where = " → ".join(one["path"]) if one["kind"] == "service" else one["name"]
    return where, f"{one['confidence']:.0%}", evidence, "; ".join(one["against"]) or "nothing", one["refute"] or "none"


def _changes(record: Record) -> Iterator[Block]:
    said = record["diagnosis"]
    yield Heading("Changes that can have done it, and those cleared")
    if said["changes_reason"]:
        yield Text(said["changes_reason"])
    rows = [
        (one["name"], ", ".join(one["path"]), "suspect", f"{one['confidence']:.0%}", one["reason"])
        for one in said["changes"]
    ]
    rows += [
        (one["name"], ", ".join(one["path"]), "cleared", f"{one['confidence']:.0%}", one["reason"])
        for one in said["cleared"]
    ]
    if rows:
        yield Table(("Change", "Service", "Verdict", "How sure", "Why"), rows)


def _again(record: Record) -> Iterator[Block]:
    again = record["again"]
    yield Heading("See it again")
    yield Text(f"The window is {record['window']['from']} to {record['window']['to']}.")
    yield Text(f"What is normal was taken from {record['normal']['from']} to {record['normal']['to']}.")
    yield Code("\n".join(again["commands"]))


def _queries(record: Record) -> Iterator[Block]:
    yield Heading("Queries and what they gave")
    if not record["queries"]:
        yield Text("There is none.")
    for one in record["queries"]:
        yield Heading(one["title"], 3)
        yield Code(one["query"])
        cut = f" {one['cut']:,} are cut here." if one["cut"] else ""
        yield Text(f"{one['matched']:,} rows; {len(one['rows']):,} shown, {one['said']}.{cut} {one['link']}".strip())
        if one["rows"]:
            yield Table(one["columns"], one["rows"])


def _patterns(record: Record) -> Iterator[Block]:
    found = record["patterns"]
    yield Heading("Log patterns, the most surprising first")
    more = f" {found['left_out']:,} more differences are not shown." if found["left_out"] else ""
    before = "nothing is known of before" if found["nothing_before"] else f"held against {found['compared']}"
    yield Text(f"{found['lines']:,} lines in the window, {before}.{more}")
    rows = [
        (
            one["kind"],
            one["service"],
            one["level"],
            f"{one['lines']:,}",
            f"{one['before']:,}",
            one["first"],
            one["last"],
            one["template"] + (f" ({one['moved']})" if one["moved"] else ""),
            one["example"] + (f" (trace {one['trace_id']})" if one["trace_id"] else ""),
        )
        for one in found["rows"]
    ]
    if rows:
        yield Table(("Kind", "Service", "Level", "Lines", "Before", "First", "Last", "Pattern", "Example"), rows)


def _graphs(record: Record, pictures: Mapping[str, str]) -> Iterator[Block]:
    yield Heading("Graphs")
    if not record["graphs"]:
        yield Text("Nothing was measured that could be drawn.")
    for one in record["graphs"]:
        yield Heading(one["title"], 3)
        yield Graph(pictures.get(one["svg"], ""), f"{one['said']} Data: {one['csv']}. Query: {one['query']}")


def _runs(record: Record) -> Iterator[Block]:
    yield Heading("Versions and configuration")
    rows = [
        (one["service"], one["version"], one["previous"] or "not said", one["since"], one["told_by"])
        for one in record["versions"]
    ]
    yield Table(("Service", "Version", "Before it", "Since", "Told by"), rows) if rows else Text("No version is known.")
    kept = [
        (one["service"], one["source"], one["changed"], one["summary"], one["digest"])
        for one in record["configuration"]
    ]
    if kept:
        yield Table(("Service", "Configuration", "Changed", "What", "SHA-256 of it"), kept)


def _differences(record: Record) -> Iterator[Block]:
    yield Heading("Changes of the day before, with what differs")
    if not record["differences"]:
        yield Text("No change is known.")
    for one in record["differences"]:
        yield Heading(f"{one['time']} {one['service']} {one['kind']} {one['id']}: {one['summary']}", 3)
        if one["diff"]:
            yield Code(one["diff"] + (f"\n[{one['cut']:,} more characters are cut]" if one["cut"] else ""))


def _affected(record: Record) -> Iterator[Block]:
    found = record["affected"]
    yield Heading("What was hit, by its id")
    if not found["rows"]:
        yield Text("Neither error lines nor data name any.")
        return
    left = ", ".join(f"{count} more of the kind {kind}" for kind, count in found["left_out"].items())
    yield Text(
        f"From error lines and pinned data, the most frequent of each kind.{f' Not listed: {left}.' if left else ''}"
    )
    yield Table(("Kind", "Id", "Lines"), found["rows"])


def _tried(record: Record) -> Iterator[Block]:
    yield Heading("What was tried, and what is in place")
    rows = [(one["at"], one["who"], one["what"], one["outcome"]) for one in record["tried"]]
    yield Table(("When", "Who", "What", "Outcome"), rows) if rows else Text("Nothing is written down.")
    yield Text("In place: " + ("; ".join(record["in_place"]) or "nothing") + ".")
    if record["cause"]:
        yield Text(f"Cause as named by the team: {record['cause']}")


def _verify(record: Record) -> Iterator[Block]:
    yield Heading("How to verify a fix")
    rows = record["verify"]
    yield Table(("Look at", "Query", "It is fixed when it"), rows) if rows else Text("Nothing measures it.")


def _people(record: Record) -> Iterator[Block]:
    yield Heading("People")
    rows = record["people"]
    yield Table(("Role", "Name", "Address"), rows) if rows else Text("Nobody is named.")


def _log(record: Record) -> Iterator[Block]:
    yield Heading("Log of the incident")
    yield Table(("When", "Who", "What"), record["log"])


def _lacks(record: Record) -> Iterator[Block]:
    yield Heading("What is missing, cut or taken out")
    if record["lacks"]:
        yield Table(("Missing", "Remedy"), record["lacks"])
    for one in record["cut"]:
        yield Text(f"{one}.")
    taken = ", ".join(f"{count} of the kind {kind}" for kind, count in record["taken_out"].items())
    yield Text(f"Taken out as secret or personal: {taken or 'nothing was found'}.")


def _files(files: Sequence[str]) -> Iterator[Block]:
    yield Heading("Files")
    yield Table(
        ("File", "What it holds"),
        [
            (name, _HOLDS.get(name.rpartition(".")[2], "")) if "/" in name else (name, _NAMED.get(name, ""))
            for name in files
        ],
    )


_HOLDS = {"svg": "A graph", "csv": "The data of a graph"}
_NAMED = {
    "case.json": "What alerted, and the two windows; read by mainstay diagnose",
    "metrics.csv": "time, service, metric, value",
    "logs.ndjson": "time, service, level, message, trace_id, span_id; one object a line",
    "spans.ndjson": "Calls between services",
    "graph.csv": "caller, callee",
    "changes.ndjson": "time, service, kind, id, summary, diff; one object a line",
    "escalation.json": "All of this page as data",
    "index.html": "This page",
    "MANIFEST.json": "Each file with its SHA-256",
}
