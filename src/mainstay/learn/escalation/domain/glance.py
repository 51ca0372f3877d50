"""The first page of a case: the ten things that whoever gets it asks first, each with a short answer. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

Record = Mapping[str, Any]
QUESTIONS: Final = (
    "What broke",
    "Since when",
    "Who is hit",
    "Which change",
    "What was ruled out",
    "A failing request",
    "See it again",
    "What runs",
    "Tried and in place",
    "Verify a fix",
)
_SERIOUS: Final = ("fatal", "error", "warning")


def glance(record: Record) -> list[tuple[str, str]]:
    """Question and answer, in the order of ``QUESTIONS``. An answer that is not known says so."""
    answers = (
        _broke(record),
        _since(record),
        _hit(record),
        _change(record),
        _ruled_out(record),
        _example(record),
        _again(record),
        _runs(record),
        _tried(record),
        _verify(record),
    )
    return list(zip(QUESTIONS, answers, strict=True))


def _broke(record: Record) -> str:
    said = record["diagnosis"]
    first = said["services"][0] if said["services"] else None
    seen = f"{record['title']}, seen at {record['service']}."
    if first is None:
        return f"{seen} No service stands out: {said['reason']}"
    return f"{seen} Most likely to blame: {first['name']} ({first['confidence']:.0%}). {first['reason']}"


def _since(record: Record) -> str:
    times = record["times"]
    end = times["restored"] or times["resolved"]
    return f"{times['started']}, {f'until {end}' if end else 'and it goes on'}. Opened {times['opened']}."


def _hit(record: Record) -> str:
    hit = record["hit"]
    parts = [f"{hit['priority']}. {_ended(hit['sentence'])}"]
    named = {kind: 0 for kind, _, _ in record["affected"]["rows"]}
    for kind, _, _ in record["affected"]["rows"]:
        named[kind] += 1
    left = record["affected"]["left_out"]
    counts = [f"{kind}: {count + left.get(kind, 0)}" for kind, count in list(named.items())[:4]]
    if counts:
        parts.append(f"Ids in error lines and data: {', '.join(counts)}.")
    return " ".join(parts)


def _change(record: Record) -> str:
    said = record["diagnosis"]
    if not said["changes"]:
        return said["changes_reason"] or "Changes are not known."
    return " ".join(
        f"{one['name']} of {', '.join(one['path'])} ({one['confidence']:.0%}): {one['reason']}."
        for one in said["changes"][:2]
    )


def _ruled_out(record: Record) -> str:
    said = record["diagnosis"]
    services = [f"{one['name']}: {one['against'][0]}" for one in said["services"][1:4] if one["against"]]
    changes = [f"{one['name']}: {one['reason']}" for one in said["cleared"][:3]]
    return "; ".join([*services, *changes]) or "Nothing: nothing else stood out."


def _example(record: Record) -> str:
    """The first line of the most surprising pattern that is grave, with the ids by which it is found again."""
    patterns = record["patterns"]["rows"]
    telling = (
        one for one in patterns if one["level"] in _SERIOUS and one["kind"] in {"new", "more"} and one["example"]
    )
    first = next(telling, None)
    if first is not None:
        trace = f" (trace {first['trace_id']})" if first["trace_id"] else ""
        return f"{first['first']} {first['service']} {first['level']}: {first['example'].splitlines()[0]}{trace}"
    rows = [(one, row) for one in record["queries"] if one["kind"] == "logs" for row in one["rows"][:1]]
    if not rows:
        return "No line of an error is known."
    time, service, level, message, trace = rows[0][1]
    return f"{time} {service} {level}: {message.splitlines()[0]}" + (f" (trace {trace})" if trace else "")


def _again(record: Record) -> str:
    within = f"{record['window']['from']} to {record['window']['to']}"
    first = next((one for one in record["queries"] if one["matched"]), None)
    return f"{within}: {first['query']}" if first else f"{within}; no query found anything."


def _runs(record: Record) -> str:
    rows = [f"{one['service']} {one['version']} since {one['since']}" for one in record["versions"][:4]]
    kept = [f"{one['source']} last changed {one['changed']}" for one in record["configuration"][:3] if one["changed"]]
    return "; ".join([*rows, *kept]) or "No version and no configuration is known."


def _tried(record: Record) -> str:
    attempts = [f"{one['what'].splitlines()[0][:160]}: {one['outcome']}" for one in record["tried"][:4]]
    stands: Sequence[str] = record["in_place"][:3]
    return f"Tried: {_ended('; '.join(attempts) or 'nothing')} In place: {_ended('; '.join(stands) or 'nothing')}"


def _ended(text: str) -> str:
    """A text that ends with one full stop."""
    return text.rstrip(". ") + "."


def _verify(record: Record) -> str:
    proofs = [f"{what}: {query} {good}" for what, query, good in record["verify"][:2]]
    return "; ".join(proofs) or "Nothing measures it; watch the log of the service."
