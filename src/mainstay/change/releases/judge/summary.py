"""From the findings on each metric to the verdict on the release."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mainstay.change.releases.judge.measures import ALL
from mainstay.change.releases.judge.verdict import Finding, Judgement, Reason, Verdict

# More than so many measures without enough data, and nothing is concluded of the whole.
_TOO_MANY_UNKNOWN = 0.5
_RANK = {Verdict.FAILED: 0, Verdict.INCONCLUSIVE: 1, Verdict.PASSED: 2}


def overall(findings: Sequence[Finding]) -> Judgement:
    """The verdict on the whole, with the worst findings first."""
    told = sorted(_named(findings), key=_order)
    counts = Counter(str(one.verdict) for one in told)
    by = {verdict: [one for one in told if one.verdict is verdict] for verdict in Verdict}
    if by[Verdict.FAILED]:
        worst = by[Verdict.FAILED]
        surest = max(one.confidence for one in worst)
        return Judgement(Verdict.FAILED, _list(worst), surest, told, counts)
    doubtful = [
        one for one in by[Verdict.INCONCLUSIVE] if one.reason in {Reason.SUSPECTED, Reason.GONE, Reason.STOPPED}
    ]
    if doubtful:
        return Judgement(Verdict.INCONCLUSIVE, _list(doubtful), 0.0, told, counts)
    judged = by[Verdict.PASSED]
    if not judged or len(by[Verdict.INCONCLUSIVE]) > _TOO_MANY_UNKNOWN * len(told):
        reason = Reason.TOO_LITTLE if told else Reason.NOTHING_JUDGED
        return Judgement(Verdict.INCONCLUSIVE, str(reason), 0.0, told, counts)
    blind = sorted({one.service for one in told} - {one.service for one in judged})
    if blind:
        return Judgement(Verdict.INCONCLUSIVE, f"{Reason.TOO_LITTLE}: {', '.join(blind)}", 0.0, told, counts)
    confidence = float(np.median([one.confidence for one in judged]))
    return Judgement(Verdict.PASSED, str(Reason.NO_HARM), round(confidence, 4), told, counts)


def _order(one: Finding) -> tuple[int, bool, float, str, str]:
    """The worst first, and what holds for a whole service before its instances."""
    return _RANK[one.verdict], one.instance != ALL, -abs(one.delta or 1.0), one.service, one.metric


def _named(findings: Sequence[Finding]) -> list[Finding]:
    """What is worse on one instance alone is said so."""
    all_bad = {(f.service, f.metric) for f in findings if f.instance == ALL and f.verdict is Verdict.FAILED}
    several = {(f.service, f.metric) for f in findings if f.instance == ALL}

    def named(one: Finding) -> Finding:
        key = (one.service, one.metric)
        alone = one.reason is Reason.WORSE and one.instance != ALL and key in several and key not in all_bad
        return replace(one, reason=Reason.ONE_INSTANCE) if alone else one

    return [named(one) for one in findings]


def _list(findings: Sequence[Finding]) -> str:
    first = findings[0]
    where = first.service if first.instance == ALL else f"{first.service} on {first.instance}"
    what = "" if first.metric == ALL else f": {first.metric}"
    more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
    return f"{where}{what}: {first.reason}{more}"
