"""Kayenta's judge with its defaults, for comparison alone.

Source: Kayenta (github.com/spinnaker/kayenta), ``NetflixACAJudge``: each metric is compared by a Mann-Whitney test with
a confidence of 0.98 and a tolerance of a quarter of the estimated shift; the score is the share of metrics that pass,
here with the thresholds of its documentation, 95 to pass and 75 for marginal.
"""

import numpy as np

from mainstay.change.releases.judge.blocks import gather
from mainstay.change.releases.judge.measures import ALL, Measure, measure
from mainstay.change.releases.judge.statistics import Floats
from mainstay.change.releases.judge.verdict import Verdict
from mainstay.faces.bench.release_windows import Case

_Z, _TOLERANCE, _PASS, _MARGINAL = 2.3263, 0.25, 95.0, 75.0


def judge(case: Case) -> tuple[Verdict, bool]:
    """Its verdict by score, and whether any metric at all was called worse, as if each were critical.

    It is handed what Mainstay's judge makes of the samples (rates, shares of requests, directions), which is more than
    a user would write for it.
    """
    measures = measure(gather(case.before, case.after, ())).measures
    whole = {(one.service, one.metric.name): one for one in sorted(measures, key=lambda one: one.instance == ALL)}
    worse = [_worse(one) for one in whole.values()]
    known = [one for one in worse if one is not None]
    if not known:
        return Verdict.INCONCLUSIVE, False
    score = 100.0 * known.count(False) / len(known)
    if score >= _PASS:
        return Verdict.PASSED, any(known)
    return (Verdict.INCONCLUSIVE if score >= _MARGINAL else Verdict.FAILED), any(known)


def _worse(one: Measure) -> bool | None:
    control, experiment = (row[np.isfinite(row)] for row in one.values[:2])
    if not len(control) or not len(experiment):
        return None
    if np.array_equal(control, experiment):
        return False
    low, high, estimate = _shift(control, experiment)
    bound = _TOLERANCE * abs(estimate)
    return bool(low > bound if one.metric.harm > 0 else high < -bound)


def _shift(control: Floats, experiment: Floats) -> tuple[float, float, float]:
    """The Hodges-Lehmann shift with its interval of confidence."""
    differences = np.sort((experiment[:, None] - control[None, :]).ravel())
    n, m = len(control), len(experiment)
    off = _Z * np.sqrt(n * m * (n + m + 1) / 12.0)
    place = int(np.clip(np.floor(n * m / 2.0 - off), 0, n * m - 1))
    return float(differences[place]), float(differences[n * m - 1 - place]), float(np.median(differences))
