"""The judge: does this statement only read? Pure, without a connection; what is not known to read is refused."""

from mainstay.restore.sqldesk.judge.decide import DEFAULT_LIMIT, DEFAULT_TOKENS, judge
from mainstay.restore.sqldesk.judge.verdict import Dialect, Functions, Rule, Verdict

__all__ = ["DEFAULT_LIMIT", "DEFAULT_TOKENS", "Dialect", "Functions", "Rule", "Verdict", "judge"]
