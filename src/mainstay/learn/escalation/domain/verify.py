"""How to tell that a fix is one: what fired is silent, what went astray is back, no such line comes. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mainstay.learn.diagnosis.domain.symptoms import Sign
from mainstay.learn.escalation.domain.queries import promql

# As long as this, with as much traffic as in the problem, or nothing is proved.
MINUTES = 30


@dataclass(frozen=True)
class Proof:
    """One thing to look at: ``good`` is what it says when the fix is one."""

    what: str
    query: str
    good: str


def proofs(rules: Sequence[tuple[str, str]], signs: Mapping[str, Sequence[Sign]], most: int = 8) -> list[Proof]:
    """What to look at. ``rules`` are (name, expression) of those that fired, ``signs`` those of suspects by service."""
    found = [Proof(f"the rule {name}", expr, f"gives nothing for {MINUTES} minutes") for name, expr in rules]
    for service, each in signs.items():
        for sign in each:
            if sign.source == "metrics" and sign.name and sign.was is not None:
                good = f"is at about {sign.was:.4g} again; it was {_now(sign)} in the problem"
                found.append(Proof(f"{sign.name} of {service}", promql(sign.name, service), good))
            elif sign.source == "logs" and sign.query:
                found.append(Proof(f"the log of {service}", sign.query, "finds no line from after the fix"))
    return list({one.query: one for one in found}.values())[:most]


def _now(sign: Sign) -> str:
    return f"{sign.now:.4g}" if sign.now is not None else "gone"
