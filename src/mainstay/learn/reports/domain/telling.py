"""A report in a few plain sentences: what the figures say, and nothing that they do not. Pure."""

from collections.abc import Sequence
from typing import Final

from mainstay.learn.reports.domain.figures import Figure, Section, Unit
from mainstay.learn.reports.domain.meaning import Meaning

# Below this a time is told as it was, without a judgement.
_LITTLE: Final = 3
_SAID = {
    Meaning.MORE: "more than chance explains",
    Meaning.LESS: "fewer than chance explains",
    Meaning.SAME: "no more of a difference than chance makes",
    Meaning.FEW: "too few to compare",
}


def shown(value: float | None, unit: Unit) -> str:
    """A value as people write it."""
    if value is None:
        return "nothing to measure"
    if unit is Unit.SECONDS:
        return _length(value)
    if unit is Unit.SHARE:
        return f"{value:.0%}"
    return f"{value:.1f}" if unit is Unit.EACH else f"{value:,.0f}"


def _length(value: float) -> str:
    if value < 59.5:
        return f"{value:.0f} s"
    minutes = round(value / 60)
    hours, rest = divmod(minutes, 60)
    if not hours:
        return f"{minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {rest} min" if rest else f"{hours} h"


def summary(sections: Sequence[Section]) -> list[str]:
    """The sentences."""
    by_key = {one.key: one for section in sections for one in section.every}
    found = [_incidents(by_key)]
    incidents = by_key["incidents"].value or 0
    if incidents:
        found += [_soon(by_key), _kept(by_key), _noise(by_key, int(incidents))]
    found += [_load(by_key, sections), _problems(by_key), _releases(by_key)]
    return [one for one in found if one]


def _incidents(by_key: dict[str, Figure]) -> str:
    every, first = by_key["incidents"], by_key["p1"]
    count, was = int(every.value or 0), int(every.before or 0)
    if not count and not was:
        return "There was no incident in this time and none in the one before."
    compared = _SAID.get(every.meaning, "")
    grave = f", {shown(first.value, Unit.COUNT)} of them P1" if first.value else ""
    live = by_key["live"].value
    rest = f" {shown(live, Unit.COUNT)} not restored yet." if live else ""
    return f"{_many(count, 'incident')}{grave}, after {was} in the time before: {compared}.{rest}"


def _many(count: int, what: str) -> str:
    return f"{count:,} {what}{'s' if count != 1 else ''}"


def _soon(by_key: dict[str, Figure]) -> str:
    half, mended = by_key["mtta50"], by_key["mttr50"]
    parts = []
    for one, words in ((half, "taken"), (mended, "restored")):
        if one.value is not None and len(one.rows) >= _LITTLE:
            judged = {Meaning.MORE: ", longer than before", Meaning.LESS: ", shorter than before"}.get(one.meaning, "")
            parts.append(f"half of them were {words} within {shown(one.value, Unit.SECONDS)}{judged}")
    text = " and ".join(parts)
    return f"{text[:1].upper()}{text[1:]}." if text else "Too few were taken or restored to say how soon."


def _kept(by_key: dict[str, Figure]) -> str:
    late = [(by_key[f"{goal}-breached"].value or 0, goal) for goal in ("acknowledge", "restore")]
    broken = [f"{_many(int(count), 'agreement')} to {goal}" for count, goal in late if count]
    if broken:
        return f"Not kept: {' and '.join(broken)}."
    return (
        "Every agreement on incidents that were resolved was kept." if by_key["restore-met"].value is not None else ""
    )


def _noise(by_key: dict[str, Figure], incidents: int) -> str:
    idle = len(by_key["idle"].rows)
    return f"Of {_many(incidents, 'incident')} {idle} went away before anybody acted." if idle else ""


def _load(by_key: dict[str, Figure], sections: Sequence[Section]) -> str:
    pages, nights = int(by_key["pages"].value or 0), int(by_key["nights"].value or 0)
    if not pages:
        return "Nobody was paged."
    lines = next((one.lines for one in sections if one.key == "load"), ())
    first = f", {lines[0].label} {shown(lines[0].figures[0].value, Unit.COUNT)} of them" if len(lines) > 1 else ""
    who = _many(len(lines), "person").replace("persons", "people")
    return f"{_many(pages, 'page')} to {who}{first}, {nights} at night."


def _problems(by_key: dict[str, Figure]) -> str:
    new, solved, live = (int(by_key[key].value or 0) for key in ("problems", "solved", "unsolved"))
    late = int(by_key["overdue"].value or 0)
    owed = f" {_many(late, 'action')} overdue." if late else ""
    if not (new or solved or live):
        return owed.strip()
    return f"{_many(new, 'new problem')}, {solved} solved, {live} not solved at its end.{owed}"


def _releases(by_key: dict[str, Figure]) -> str:
    count = int(by_key["releases"].value or 0)
    if not count:
        return ""
    bad = [
        f"{shown(by_key[key].value, Unit.COUNT)} {key.removeprefix('release-')}"
        for key in ("release-failed", "release-rolled back")
        if key in by_key and by_key[key].value
    ]
    return f"{_many(count, 'release')}, {' and '.join(bad) or 'none of them failed'}."
