"""Queries that show what was measured again, by whoever reads a case. Pure."""

import re
from typing import Final

_SERIES: Final = re.compile(r"([^{]+)(?:\{(.*)\})?", re.DOTALL)
_OVER: Final = "1m"


def promql(metric: str, service: str) -> str:
    """A series of a diagnosis as PromQL: its rates and means are taken by the diagnosis and are no metrics.

    ``metric`` is the name with the labels that tell it apart, such as ``took_seconds_mean{path="/pay"}``.
    """
    found = _SERIES.fullmatch(metric)
    name, told = (found[1].strip(), found[2] or "") if found else (metric, "")
    chosen = ",".join(one for one in (f'service="{service}"', told) if one)
    if name.endswith("_mean"):
        base = name.removesuffix("_mean")
        return f"sum(rate({base}_sum{{{chosen}}}[{_OVER}])) / sum(rate({base}_count{{{chosen}}}[{_OVER}]))"
    if name.endswith(("_total", "_count")):
        return f"sum(rate({name}{{{chosen}}}[{_OVER}]))"
    return f"avg({name}{{{chosen}}})"
