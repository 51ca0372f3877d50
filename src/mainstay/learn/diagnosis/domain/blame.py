"""Who is to blame over the calls between services: a sick callee explains its caller away. Pure.

Blame begins where the alert is and is passed down the calls. A service passes on as much of its symptoms as the sickest
of those that it calls explains, and keeps the rest; what is its own, such as its processor, a callee does not explain.
The idea of a walk over the graph of calls is that of MonitorRank (Kim, Sumbaly, Shah 2013) and of the graph traversal
that Hardt et al. (2024) measure; explaining away in place of correlation is ours.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from mainstay.learn.diagnosis.domain import anywhere
from mainstay.learn.diagnosis.domain.symptoms import Group, Sign, Signs

# How well a symptom of a callee explains one of its caller.
_EXPLAINS: dict[tuple[Group, Group], float] = {
    (Group.SLOW, Group.SLOW): 1.0,
    (Group.FAILING, Group.FAILING): 1.0,
    (Group.SLOW, Group.FAILING): 0.7,
    (Group.FAILING, Group.SLOW): 0.5,
    (Group.STARVED, Group.SLOW): 0.8,
    (Group.STARVED, Group.FAILING): 0.7,
    (Group.ODD, Group.SLOW): 0.2,
    (Group.ODD, Group.FAILING): 0.2,
}
# How much a sign of a group speaks against its service itself.
_OWN = {Group.SLOW: 1.0, Group.FAILING: 1.0, Group.STARVED: 0.9, Group.BUSY: 0.35, Group.ODD: 0.25}
# Blame goes no further than so many calls.
DEPTH = 12
# At most so much of the blame is passed on, and so much of it stays with each that passes it on.
_PASSED = 0.93
# A callee that carries this much less than all of a loss still explains it: measures differ.
_TOLERANCE = 1.5
# A callee that fails less than its caller, but is as much slower, explains this much of it.
_BY_DEADLINE = 0.7
# Of whom the caller says that he failed explains this much of its failures, whatever is counted.
_ACCUSED = 0.7
# Who cannot be reached explains this much of how slow those are that wait for it.
_WAITED_FOR = 0.9
_GROSS = 2.0
# Who is as slow as this, with less than that lack of its own, may wait for those of whom nothing tells how fast they
# answer; so much of the blame goes on to them.
_WAITS = 1.0
_CALM = 0.7
_UNSEEN = 0.4
# A loss below this part of the greatest one is not looked at.
_MATTERS = 0.05
# Seconds that a callee takes longer may make its caller so many times as late, when work waits in a queue.
_PILES_UP = 50.0
# Symptoms of another kind than what alerted count this much.
_ASIDE = 0.3
# A callee that carries next to nothing has this weight among others.
_LIGHT = 0.02
# Failures told as a part of the requests, where their values do not tell: what is more than 1 anywhere is a number.
_PART_OF_ALL = re.compile(r"(?i)ratio|share|percent|pct|availab|success|apdex")
_QUANTILE = re.compile(r"(?i)(?:^|[^a-z])p\d\d|quantile|percentile|max|min")
_PLACE = re.compile(r"(?:^|[^0-9])(?:0?\.)?([5-9]\d)(?:[^0-9]|$)")
# Service -> metric -> its group, and its level before and now.
Levels = Mapping[str, Mapping[str, tuple[Group, float, float]]]


@dataclass(frozen=True)
class Blamed:
    """How much of the blame ends at a service, and the calls by which it came there."""

    service: str
    share: float
    path: tuple[str, ...]


def _seconds_of(sign: Sign) -> float:
    if sign.was is None or sign.now is None or not _is_seconds(sign.group, sign.name):
        return 0.0
    return max(sign.now - sign.was, 0.0)


def _is_seconds(group: Group, name: str) -> bool:
    return group is Group.SLOW and "seconds" in name and _QUANTILE.search(name) is None


def _of_tail(name: str, calls: float) -> float:
    """How many calls of a callee count: for the tail of a caller it is enough that those which make it are slow."""
    found = _PLACE.search(name)
    if found is None:
        return calls
    tail = 1 - float(f"0.{found[1]}")
    return min(calls / tail, max(calls, 1.0))


def _counted(levels: Levels) -> frozenset[str]:
    """The metrics that say how many failures there are, and not which part of the requests."""
    found = set[str]()
    for each in levels.values():
        for name, (group, was, now) in each.items():
            if group is Group.FAILING and max(was, now) > 1.0 and _PART_OF_ALL.search(name) is None:
                found.add(name)
    return frozenset(found)


def strength(signs: Sequence[Sign], group: Group) -> float:
    """How strong a symptom is: its strongest sign, and a little for each that agrees."""
    weights = sorted((one.weight for one in signs if one.group is group), reverse=True)
    return sum(weight * 0.25**place for place, weight in enumerate(weights[:4]))


class Walk:
    """The blame of one case."""

    def __init__(
        self,
        signs: Signs,
        calls: Sequence[tuple[str, str]],
        alerted: Group | None,
        levels: Levels | None = None,
        unreached: Collection[str] = (),
        accused: Collection[tuple[str, str]] = (),
    ) -> None:
        self._alerted, self._unreached, self._accused = alerted, unreached, accused
        self._levels = levels or {}
        self._counted = _counted(self._levels)
        self._callees: dict[str, list[str]] = {}
        for caller, callee in sorted(set(calls)):
            if caller != callee:
                self._callees.setdefault(caller, []).append(callee)
        self._local = {
            service: strength([one for one in found if one.local], Group.STARVED) for service, found in signs.items()
        }
        self._seconds = {
            service: max(rose) for service, found in signs.items() if (rose := list(map(_seconds_of, found)))
        }
        self._signs = signs
        # Service -> who waits for it, where nothing tells how fast it answers.
        self.unseen: dict[str, str] = {}
        self._strengths = {
            service: {group: strength(found, group) for group in Group} for service, found in signs.items()
        }

    def callees(self, service: str) -> dict[str, tuple[str, ...]]:
        """Whom it calls, each with the way there: those of which nothing is wrong are passed through."""
        found: dict[str, tuple[str, ...]] = {}
        waiting: list[tuple[str, tuple[str, ...]]] = [(one, (one,)) for one in reversed(self._callees.get(service, ()))]
        seen = {service}
        while waiting:
            one, way = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            if one in self._strengths:
                found[one] = way
            else:
                waiting += [(further, (*way, further)) for further in reversed(self._callees.get(one, ()))]
        return dict(sorted(found.items()))

    def explained(self, caller: str, callee: str) -> float:
        """Which part of the symptoms of a caller one of its callees explains, 0 to 1."""
        wanted = self._wanted(caller)
        total = sum(wanted.values()) + self._local.get(caller, 0.0) * self._counts(Group.STARVED)
        if not total:
            return 0.0
        theirs = self._strengths.get(callee, {})
        parts = 0.0
        for effect, weight in wanted.items():
            parts += weight * max(
                self._how(callee, cause, effect, how)
                * min(theirs.get(cause, 0.0) / self._against(callee, cause, weight), 1.0)
                * self._alike(caller, callee, cause, effect)
                for (cause, what), how in _EXPLAINS.items()
                if what is effect
            )
        return parts / total

    def _against(self, callee: str, cause: Group, weight: float) -> float:
        """What a cause is held against: the effect; what is gross is enough where little can be told of the callee."""
        untold = cause is Group.STARVED and Group.SLOW not in self._measured(callee)
        apart = cause is Group.FAILING and callee in self._unreached
        return min(weight, _GROSS) if untold or apart else weight

    def _measured(self, service: str) -> set[Group]:
        return {group for group, _, _ in self._levels.get(service, {}).values()}

    def _how(self, callee: str, cause: Group, effect: Group, usual: float) -> float:
        """How well a cause explains an effect: who cannot be reached is waited for until the deadline."""
        waits = callee in self._unreached and (cause, effect) == (Group.FAILING, Group.SLOW)
        return _WAITED_FOR if waits else usual

    def _alike(self, caller: str, callee: str, cause: Group, effect: Group) -> float:
        """How much of an effect is seen at the callee, too: 1 where it cannot be compared.

        What is slow makes its callers fail by their deadlines and need not fail itself: its slowness is compared.
        """
        carried = self._part(caller, callee, effect)
        if carried is not None and effect is Group.FAILING and (caller, callee) in self._accused:
            carried = max(carried, _ACCUSED)
        if cause is not Group.SLOW or effect is not Group.FAILING:
            return 1.0 if carried is None else carried
        slower = self._part(caller, callee, Group.SLOW)
        if carried is None or slower is None:
            return next((one for one in (carried, slower) if one is not None), 1.0)
        return max(carried, _BY_DEADLINE * slower)

    def _part(self, caller: str, callee: str, effect: Group) -> float | None:
        carried = self.carries(caller, callee, effect)
        return None if carried is None else min(carried * _TOLERANCE, 1.0)

    def _wanted(self, service: str) -> dict[Group, float]:
        """The symptoms that a callee could explain; those of the kind that alerted count most."""
        mine = self._strengths.get(service, {})
        return {group: mine[group] * self._counts(group) for group in (Group.SLOW, Group.FAILING) if mine.get(group)}

    def _counts(self, group: Group) -> float:
        return 1.0 if self._alerted in {None, group} else _ASIDE

    def carries(self, caller: str, callee: str, effect: Group) -> float | None:
        """How much of what a caller loses its callee loses, where both are measured alike: 1 is all of it.

        Who is not reached tells nothing of what is lost, and loses all of it. Seconds lost are those of a call times
        the calls, and so is a part of the requests that fails; where calls are not counted, those of a call. Means add
        up along the calls and quantiles do not, so that these count only where there is no mean.
        """
        if callee in self._unreached:
            return 1.0
        mine, theirs = self._levels.get(caller, {}), self._levels.get(callee, {})
        calls = self._calls(caller, callee)
        means: list[float] = []
        others: list[float] = []
        most = self._seconds.get(caller, 0.0)
        for name in mine.keys() & theirs.keys():
            group, was, now = mine[name]
            loss = abs(now - was)
            # That a callee carries all of a millisecond says nothing where seconds are lost elsewhere.
            matters = not _is_seconds(group, name) or loss >= _MATTERS * most
            if group is effect and loss > 0 and matters:
                times = 1.0 if name in self._counted else _of_tail(name, calls)
                carried = min(abs(theirs[name][2] - theirs[name][1]) * times / loss, 5.0)
                (others if _QUANTILE.search(name) else means).append(carried)
        return max(means or others, default=self._of_seconds(caller, callee) if effect is Group.SLOW else None)

    def _of_seconds(self, caller: str, callee: str) -> float | None:
        """Where no metric of both is called the same: waiting piles up, but only to so many times what it is."""
        lost, theirs = self._seconds.get(caller), self._seconds.get(callee)
        return min(theirs * _PILES_UP / lost, 1.0) if lost and theirs else None

    def _calls(self, caller: str, callee: str) -> float:
        """Calls of the callee for each of the caller, or 1 where they are not counted alike."""
        mine, theirs = self._levels.get(caller, {}), self._levels.get(callee, {})
        for name in sorted(mine.keys() & theirs.keys()):
            if mine[name][0] is Group.BUSY and mine[name][2] > 0:
                return theirs[name][2] / mine[name][2]
        return 1.0

    def blame(self, start: str) -> list[Blamed]:
        """How the blame of an alert at ``start`` ends, the most blamed first."""
        if not self.knows(start):
            return self._anywhere(start)
        ended: dict[str, float] = {}
        paths: dict[str, tuple[str, ...]] = {start: (start,)}
        here = {start: 1.0}
        for _ in range(DEPTH):
            onward: dict[str, float] = {}
            for service, share in here.items():
                ways = self.callees(service)
                parts = {one: self.explained(service, one) for one in ways if one not in paths[service]}
                passed = _PASSED * max(parts.values(), default=0.0)
                kept, behind = share * (1 - passed), self._behind(service)
                for callee in behind:
                    ended[callee] = ended.get(callee, 0.0) + kept * _UNSEEN / len(behind)
                    paths.setdefault(callee, (*paths[service], callee))
                    self.unseen.setdefault(callee, service)
                ended[service] = ended.get(service, 0.0) + kept * (1 - _UNSEEN if behind else 1)
                heavy = {callee: part**3 * self._weight(service, callee) for callee, part in parts.items()}
                total = sum(heavy.values())
                for callee, part in heavy.items():
                    if part:
                        onward[callee] = onward.get(callee, 0.0) + share * passed * part / total
                        paths.setdefault(callee, (*paths[service], *ways[callee]))
            here = {service: share for service, share in onward.items() if share > 1e-4}
            if not here:
                break
        return sorted(
            (Blamed(one, share, paths[one]) for one, share in ended.items()),
            key=lambda found: (-found.share, found.service),
        )

    def _behind(self, service: str) -> list[str]:
        """Those that a service may wait for, slow by no lack of its own, of whom nothing tells how fast they answer."""
        mine = self._strengths.get(service, {})
        if mine.get(Group.SLOW, 0.0) < _WAITS or self._local.get(service, 0.0) >= _CALM:
            return []
        return [one for one in self._callees.get(service, ()) if self._hides(one)]

    def _hides(self, service: str) -> bool:
        """Whether its machine tells of a service, and nothing how fast it answers, nor that it is ill."""
        known = self._measured(service)
        return Group.STARVED in known and Group.SLOW not in known and self._ill(service) < _CALM

    def knows(self, service: str) -> bool:
        """Whether it is known of a service whom it calls, or who calls it."""
        return service in self._callees or any(service in called for called in self._callees.values())

    def _anywhere(self, start: str) -> list[Blamed]:
        """Who is to blame where it is not known whom ``start`` calls: the most ill, and it may be any of them."""
        own = {one: self.own(one) for one in self._strengths}
        found = [Blamed(one, share, (one,)) for one, share in anywhere.shares(self._signs, own, start).items()]
        return sorted(found, key=lambda one: (-one.share, one.service))

    def _weight(self, caller: str, callee: str) -> float:
        """How much a callee carries, as a weight among those that explain as well."""
        known = [
            one for group in (Group.SLOW, Group.FAILING) if (one := self.carries(caller, callee, group)) is not None
        ]
        return max(*known, _LIGHT) if known else 1.0

    def own(self, service: str) -> float:
        """How ill a service is by itself."""
        waits = self.unseen.get(service)
        return max(self._ill(service), self._strengths[waits][Group.SLOW] * _UNSEEN if waits else 0.0)

    def _ill(self, service: str) -> float:
        return max((_OWN[group] * weight for group, weight in self._strengths.get(service, {}).items()), default=0.0)
