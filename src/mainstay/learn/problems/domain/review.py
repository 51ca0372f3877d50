"""The first draft of a review, from the trail: what happened, whom it hurt, what went well, where luck helped."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from mainstay.learn.problems.domain.costs import Cost
from mainstay.learn.problems.domain.tree import Node

# Name in the rows -> heading, in their order.
SECTIONS: Mapping[str, str] = {
    "summary": "Summary",
    "impact": "Impact",
    "timeline": "Timeline",
    "cause": "Cause",
    "evidence": "Evidence",
    "well": "What went well",
    "wrong": "What went wrong",
    "luck": "Where luck helped",
    "lessons": "What we learned",
}
_SOON = timedelta(minutes=5)
_TAKEN = timedelta(minutes=15)


@dataclass(frozen=True)
class Line:
    """One line of the story."""

    at: datetime
    text: str


@dataclass(frozen=True)
class Exhibit:
    """Something that was kept, with its place and its SHA-256, if it has one."""

    what: str
    link: str
    digest: str = ""


@dataclass(frozen=True)
class Run:
    """A runbook that was tried: its name, when it ended, and whether it went through."""

    name: str
    at: datetime
    went_through: bool


@dataclass(frozen=True)
class Story:
    """One incident as a review tells it. ``pages`` are when somebody was paged and when that was answered."""

    name: str
    title: str
    link: str
    started: datetime
    opened: datetime
    acknowledged: datetime | None
    restored: datetime | None
    lines: Sequence[Line]
    cost: Cost
    processes: Sequence[Mapping[str, object]] = ()
    exhibits: Sequence[Exhibit] = ()
    runs: Sequence[Run] = ()
    pages: Sequence[tuple[datetime, datetime | None]] = ()
    late: Sequence[str] = ()
    known_first: bool = False
    workaround_failed: bool = False
    cause: str = ""
    blamed_first: str = ""
    confirmed: str = ""
    ruled_out: Sequence[str] = ()


@dataclass(frozen=True)
class Told:
    """What a problem itself says for its review."""

    title: str
    cause: str
    workaround: str
    fix: str
    currency: str
    cost: Cost
    stories: Sequence[Story] = field(default_factory=tuple)


def draft(told: Told) -> dict[str, str]:
    """The sections as Markdown."""
    seen = [note for story in told.stories for note in notes(story)]
    return {
        "summary": _summary(told),
        "impact": _impact(told),
        "timeline": _timeline(told.stories),
        "cause": told.cause or "Not known yet. What was ruled out stands in the tree of causes.",
        "evidence": _evidence(told.stories),
        "well": _list([text for kind, text in seen if kind == "well"]),
        "wrong": _list([text for kind, text in seen if kind == "wrong"]),
        "luck": _list([text for kind, text in seen if kind == "luck"]),
        "lessons": "",
    }


def _list(texts: Sequence[str]) -> str:
    return "\n".join(f"- {text}" for text in dict.fromkeys(texts))


def _summary(told: Told) -> str:
    times = len(told.stories)
    began = min((one.started for one in told.stories), default=None)
    often = "once" if times == 1 else f"{times} times"
    since = f" since {began:%Y-%m-%d}" if began and times > 1 else f" on {began:%Y-%m-%d}" if began else ""
    parts = [f"{told.title} happened {often}{since}."]
    if told.cause:
        parts.append(f"Cause: {told.cause.rstrip('.')}.")
    if told.workaround:
        parts.append("A workaround is in place.")
    if told.fix:
        parts.append(f"To be fixed by {told.fix}.")
    return " ".join(parts)


def _impact(told: Told) -> str:
    whole = told.cost
    lines = []
    for name, users, minutes in _hit(told.stories):
        lines.append(f"{name}{f' ({users})' if users else ''}: {minutes} minutes")
    if not lines:
        lines.append("No business process of the catalog was hit.")
    money = f"{told.currency} {whole.money:,.2f}" if whole.money is not None else "not known"
    lines.append(
        f"Together: {whole.minutes_down} minutes down, cost {money}, {whole.minutes_of_people} minutes of people"
    )
    lines.append(f"{_many(whole.pages, 'page')} went out to people")
    return _list(lines)


def _hit(stories: Sequence[Story]) -> list[tuple[str, str, int]]:
    found: dict[str, tuple[str, int]] = {}
    for story in stories:
        for process in story.processes:
            name, users = str(process["name"]), str(process.get("users") or "")
            found[name] = (users, found.get(name, ("", 0))[1] + story.cost.minutes_down)
    return sorted(
        ((name, users, minutes) for name, (users, minutes) in found.items()), key=lambda one: (-one[2], one[0])
    )


def _timeline(stories: Sequence[Story]) -> str:
    parts = []
    for story in stories:
        lines = "\n".join(f"- {one.at:%H:%M:%S} UTC: {one.text}" for one in story.lines)
        parts.append(f"### {story.name} on {story.started:%Y-%m-%d}\n\n{lines}")
    return "\n\n".join(parts)


def _evidence(stories: Sequence[Story]) -> str:
    rows = [
        f"| {story.name} | {one.what.replace('|', '/')} | {one.link} | {one.digest or 'none'} |"
        for story in stories
        for one in story.exhibits
    ]
    return "\n".join(["| Incident | What | Where | SHA-256 |", "| --- | --- | --- | --- |", *rows]) if rows else ""


def notes(story: Story) -> list[tuple[str, str]]:
    """What the trail of an incident says by itself, as (well, wrong or luck; sentence)."""
    return [*_noticed(story), *_answered(story), *_remedies(story), *_found(story)]


def _many(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"


def _minutes(length: timedelta) -> str:
    return _many(max(round(length.total_seconds() / 60), 0), "minute")


def _noticed(story: Story) -> list[tuple[str, str]]:
    after = story.opened - story.started
    if after <= _SOON:
        found = [
            ("well", f"{story.name}: monitoring noticed it {_minutes(after)} after it began, before users had to tell.")
        ]
    else:
        found = [("wrong", f"{story.name}: it was noticed {_minutes(after)} after it began.")]
    closed = [one for one in story.processes if one.get("open_now") is False]
    if story.processes and len(closed) == len(story.processes):
        found.append(("luck", f"{story.name}: it came while no process that it hit was open for business."))
    return found


def _answered(story: Story) -> list[tuple[str, str]]:
    found = [("wrong", f"{story.name}: {text}") for text in story.late]
    unanswered = sum(1 for _, answered in story.pages if answered is None)
    if story.acknowledged is None:
        if story.restored is not None:
            found.append(("luck", f"{story.name}: it ended by itself before anybody had taken it."))
        elif story.pages:
            found.append(("wrong", f"{story.name}: nobody answered {_many(len(story.pages), 'page')}."))
        return found
    after = story.acknowledged - story.opened
    kind = "well" if after <= _TAKEN else "wrong"
    found.append((kind, f"{story.name}: it was taken {_minutes(after)} after it opened."))
    if unanswered:
        found.append(("wrong", f"{story.name}: {unanswered} of {_many(len(story.pages), 'page')} not answered."))
    return found


def _remedies(story: Story) -> list[tuple[str, str]]:
    failed = [one for one in story.runs if not one.went_through]
    good = [one for one in story.runs if one.went_through]
    found = [("well", f"{story.name}: the runbook {one.name} went through.") for one in good]
    if failed:
        found.append(("wrong", f"{story.name}: the remedy {failed[0].name} was tried first and failed."))
    if story.known_first:
        found.append(("well", f"{story.name}: the known error was on the first page."))
    if story.workaround_failed:
        found.append(("wrong", f"{story.name}: the workaround of the known error did not help."))
    return found


def _found(story: Story) -> list[tuple[str, str]]:
    if not story.confirmed or not story.blamed_first:
        return []
    if story.confirmed == story.blamed_first:
        return [("well", f"{story.name}: the diagnosis named {story.confirmed} first, which it was.")]
    return [("wrong", f"{story.name}: the diagnosis named {story.blamed_first} first, and it was {story.confirmed}.")]


def causes(told: Told) -> list[Node]:
    """The first tree: what was seen, the cause as it is known, and what the diagnosis ruled out."""
    if not told.stories:
        return [Node(0, "cause", told.title)]
    last = told.stories[-1]
    nodes = [Node(0, "cause", told.title, last.link)]
    if told.cause:
        nodes.append(Node(1, "cause", told.cause.replace("\n", " ")))
    elif last.cause:
        nodes.append(Node(1, "cause", last.cause.replace("\n", " "), last.link))
    seen = dict.fromkeys(name for story in told.stories for name in story.ruled_out)
    nodes += [Node(1, "ruled out", name, last.link) for name in list(seen)[:5]]
    return nodes
