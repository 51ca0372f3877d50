"""Which change is to blame: not the latest, but the one whose difference can do what is seen, where it is seen. Pure.

How likely each is beside the others, and beside no change at all, is a product of what speaks for it, as in a model of
choice among alternatives (conditional logit, McFadden 1974). Its few weights were fitted to published and to made up
incidents of other systems.

A change is judged by where it was made, when, what its patch can do, and whether the words of its patch are those that
the service now says. That no change is to blame is an answer, and each that is cleared is cleared with a reason.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import exp, log
from typing import Final

from mainstay.learn.diagnosis.domain.beyond import outside
from mainstay.learn.diagnosis.domain.case import Case, Change
from mainstay.learn.diagnosis.domain.patches import Patch, read, words_of
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign

MOST: Final = 5
# A change that is less likely than this beside another is not named.
LEAST: Final = 0.08
# How much each thing counts, as exponents of how likely a change is beside the others: what its difference can do most,
# then where it was made and when, and whether it can do what is seen and speaks of it.
_POWER: Final = 3.0
_NEAR: Final = 0.5
_TIMELY: Final = 0.6
_CAN: Final = 0.2
_TOLD: Final = 1.5
# How likely it is beside them that it was no change at all, and how much more where something else explains it.
_NONE: Final = 0.1
_BEYOND: Final = 4.5
# A flag of which only the name is known can do so much at most.
_FLAG: Final = 0.25
# Where it is known what was rolled out, what was only written down does so little.
_WRITTEN: Final = 0.08
# Words in common are worth being named from so much on.
_TELLS: Final = 0.3
# Most harm shows soon after a change, and some only when something calls for what was changed.
_SOON: Final = 1800.0
_LATER: Final = 24 * 3600.0
# A line that is quoted by an error is at least so long, lest it be one that stands everywhere, and makes a patch this
# likely to do harm.
_LINE: Final = 20
_QUOTED: Final = 0.9
# What was undone, and what undid it, can do so much of what it could.
_UNDONE: Final = 0.3
# What is told of the same service with the same difference within so many seconds is the same change.
_TOLD_AGAIN: Final = 300.0
# What is told shortly after it was done still came before, or so it may be.
_LATE: Final = 20.0
_MAYBE: Final = 0.7


@dataclass(frozen=True)
class Suspect:
    """A change with how likely it is to blame, and why: beside the others at first, 0 to 1 in the end."""

    change: Change
    confidence: float
    evidence: tuple[Sign, ...]
    against: tuple[str, ...]
    refute: str
    why: str


@dataclass(frozen=True)
class Judged:
    """Changes that may be to blame, those that were cleared, each the most likely first, and a sentence on the rest."""

    likely: tuple[Suspect, ...]
    cleared: tuple[Suspect, ...]
    said: str


def judge(
    case: Case,
    signs: Mapping[str, Sequence[Sign]],
    blamed: Mapping[str, float],
    calls: Iterable[tuple[str, str]],
    began: float,
) -> Judged:
    """Which changes may be to blame.

    ``blamed`` are the services that were named, with how surely, and ``began`` is when it began.
    """
    if not case.changes:
        return Judged((), (), "No change is known." if case.changes is not None else "")
    patches = {id(one): _read(one) for one in case.changes}
    changes = _each_once(case.changes, patches)
    for undone, undoing in _undone(changes, patches, began):
        for one, said in ((undone, "was taken back before"), (undoing, "brings back what was there before")):
            patches[id(one)] = replace(patches[id(one)], power=_UNDONE * patches[id(one)].power, said=said)
    rolled_out = any(one.kind != "commit" for one in changes)
    scene = _Scene(signs, blamed, _rarity(patches.values()), set(calls), began, case.alert.time, rolled_out=rolled_out)
    odds = [scene.suspect(one, patches[id(one)]) for one in changes]
    odds.sort(key=lambda one: (-one.confidence, -one.change.time))
    without = _NONE * exp(_BEYOND * scene.without.share)
    every = sum(one.confidence for one in odds) + without
    scored = [replace(one, confidence=one.confidence / every) for one in odds]
    named = [one for one in scored if one.confidence >= LEAST][:MOST] if odds[0].confidence >= without else []
    likely, rest = tuple(named), tuple(scored[len(named) :])
    if likely:
        said = f"{len(rest)} other change{'s are' if len(rest) != 1 else ' is'} less likely." if rest else ""
        return Judged(likely, rest, said)
    best = scored[0]
    nearest = best.change.summary or best.change.id
    because = f"{scene.without.why}. " if scene.without.why else ""
    said = f"No change is to blame, as far as is known. {because}Nearest: {nearest}, but {best.why}."
    return Judged((), rest, said)


def _read(change: Change) -> Patch:
    """What a change can do. What a switch turns was tried out before, more often than not."""
    found = read(change.summary, change.diff)
    return replace(found, power=min(found.power, _FLAG)) if change.kind == "flag" and not change.diff else found


class _Scene:
    """What is seen, and where, against which each change is held."""

    def __init__(
        self,
        signs: Mapping[str, Sequence[Sign]],
        blamed: Mapping[str, float],
        rare: Mapping[str, float],
        calls: set[tuple[str, str]],
        began: float,
        noticed: float,
        *,
        rolled_out: bool,
    ) -> None:
        self._rolled_out = rolled_out
        self._blamed, self._rare, self._calls = blamed, rare, calls
        self._began, self._noticed = began, noticed
        self._signs = signs
        # The words of a sign are read once, however many changes there are.
        every = ((service, sign) for service, each in signs.items() for sign in each)
        self._spoken = [(service, sign, words_of(f"{sign.name} {sign.text} {sign.whole}")) for service, sign in every]
        self.without = outside(signs, blamed)

    def suspect(self, change: Change, patch: Patch) -> Suspect:
        """How likely a change is to blame."""
        near, where = self._place(change.service)
        told, matched, words = self._said(patch, change.service)
        can = self._can(patch, change.service)
        quoted = self._quoted(patch, change.service)
        # When it began is an estimate, which what is quoted puts right.
        late = change.time - (self._began if quoted is None else self._noticed)
        if quoted is not None:
            told, can, matched, patch = 1.0, 1.0, [quoted, *matched], replace(patch, power=max(patch.power, _QUOTED))
        soon, later = (exp(max(min(late, 0.0), -1e7) / span) for span in (_SOON, _LATER))
        timely = (soon + later) / 2 if late <= 0 else _MAYBE
        score = near**_NEAR * patch.power**_POWER * timely**_TIMELY * exp(_CAN * can + _TOLD * told)
        if self._rolled_out and change.kind == "commit":
            score *= _WRITTEN
        if self.without.surge and Group.BUSY in patch.effects and patch.added:
            score *= exp(_BEYOND * self.without.share)
        against, why = [], f"{patch.said}; {where}"
        if late > _LATE:
            score, why = 0.0, "it came after the problem began"
            against.append(why)
        elif patch.power < 0.1:
            against.append(f"it {patch.said}")
        elif not can:
            against.append("what it can do is not what is seen")
        if quoted is not None:
            why += "; the error names a line that it brought"
        elif words:
            why += f"; what is seen speaks of {', '.join(words[:4])}, as its difference does"
        refute = next((one.query for one in matched), "")
        return Suspect(change, score, tuple(matched[:4]), tuple(against), refute, why)

    def _quoted(self, patch: Patch, service: str) -> Sign | None:
        """An error of the service whose stack trace has a line that the patch brought: as good as a confession."""
        lines = [one for one in patch.added - patch.removed if len(one) >= _LINE]
        for where, sign, _ in self._spoken:
            traced = sign.group is Group.FAILING and "\n" in sign.whole and service in {"", where}
            if traced and any(line in sign.whole for line in lines):
                return sign
        return None

    def _place(self, service: str) -> tuple[float, str]:
        if service in self._blamed:
            return 0.55 + 0.45 * self._blamed[service], "it was made where the trouble is"
        if any((service, one) in self._calls or (one, service) in self._calls for one in self._blamed):
            return 0.45, "it was made one call away"
        return (0.4, "where it was made is not known") if not service else (0.2, "it was made elsewhere")

    def _can(self, patch: Patch, service: str) -> float:
        """How much of what is seen is of a kind that the patch can cause."""
        seen: dict[Group, float] = {}
        for one in (service, *self._blamed):
            for sign in self._signs.get(one, ()):
                weight = sign.weight * (1.0 if one == service else 0.6)
                seen[sign.group] = max(seen.get(sign.group, 0.0), weight)
        most = max(seen.values(), default=0.0)
        return max((seen.get(group, 0.0) for group in patch.effects), default=0.0) / most if most else 0.5

    def _said(self, patch: Patch, service: str) -> tuple[float, list[Sign], list[str]]:
        """How much the words of a patch are those of what is seen (0 to 1), with the signs and the words."""
        matched: list[tuple[float, Sign]] = []
        found = set[str]()
        for where, sign, words in self._spoken:
            common = patch.words & words
            worth = sum(self._rare.get(one, 0.0) for one in common) * min(sign.weight, 2.0) / 2
            worth *= 1.0 if where == service else 0.6
            if worth > _TELLS:
                matched.append((worth, sign))
                found |= common
        matched.sort(key=lambda one: -one[0])
        telling = sorted(found, key=lambda one: (-self._rare.get(one, 0.0), one))
        best = matched[0][0] if matched else 0.0
        return min(best / 3, 1.0), [sign for _, sign in matched], telling


def _each_once(changes: Sequence[Change], patches: Mapping[int, Patch]) -> list[Change]:
    """The changes without what was told twice: who changed a file says so, and whoever watches the file does."""
    found: list[Change] = []
    for one in sorted(changes, key=lambda each: each.time):
        mine = patches[id(one)]
        near = (old for old in reversed(found) if one.time - old.time <= _TOLD_AGAIN)
        if not mine.added or not any(
            old.service == one.service
            and (patches[id(old)].added, patches[id(old)].removed) == (mine.added, mine.removed)
            for old in near
        ):
            found.append(one)
    return found


def _undone(changes: Sequence[Change], patches: Mapping[int, Patch], began: float) -> list[tuple[Change, Change]]:
    """Pairs of changes before the onset of which the later one undoes the earlier one, each change in one at most."""
    before = sorted((one for one in changes if one.time <= began), key=lambda one: one.time)
    found, open_ = [], list[Change]()
    for one in before:
        earlier = next((old for old in reversed(open_) if patches[id(one)].undoes(patches[id(old)])), None)
        if earlier is None:
            open_.append(one)
        else:
            open_.remove(earlier)
            found.append((earlier, one))
    return found


def _rarity(patches: Iterable[Patch]) -> dict[str, float]:
    """How telling a word is: the fewer of the changes have it, the more."""
    every = list(patches)
    counts = Counter(word for one in every for word in one.words)
    return {word: log(1 + len(every) / count) / log(1 + max(len(every), 2)) for word, count in counts.items()}
