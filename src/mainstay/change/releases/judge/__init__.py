"""Whether a release did harm, judged from samples of before and after. Pure: the samples are handed in."""

from mainstay.change.releases.judge.decide import judge
from mainstay.change.releases.judge.verdict import Finding, Judgement, Limits, Reason, Verdict

__all__ = ["Finding", "Judgement", "Limits", "Reason", "Verdict", "judge"]
