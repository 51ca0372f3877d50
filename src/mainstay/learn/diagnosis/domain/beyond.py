"""What would explain a disturbance without any change: a crowd, one record, a machine, a date, somebody else. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from mainstay.learn.diagnosis.domain.symptoms import Group, Sign

# So many times the requests are a surge.
_SURGE: Final = 2.0
# A sign of less weight tells nothing of what lies beyond the services.
_HEARD: Final = 0.7
_MACHINE: Final = re.compile(
    r"(?i)media.?errors?\b|i/o error|medium error|bad sector|\bsmart\b.{0,20}fail|retransmit|packet.?loss|"
    r"link (?:is )?down|node.?not.?ready|machine.?check|ecc error|cpu.?steal"
)
_EXPIRED: Final = re.compile(r"(?i)certificate (?:has |is )?expired|expired certificate|cert\w* .{0,40}\bexpired\b")
# An address outside, with at least a dot in its name, and how somebody else's service fails.
_ADDRESS: Final = re.compile(r"(?i)https?://([a-z0-9-]+(?:\.[a-z0-9-]+)+)")
_THEIRS: Final = re.compile(
    r"(?i)\b50[0234]\b|time.?out|deadline|refused|reset by peer|unavailable|bad gateway|unreachable|no route"
)
# How much of a disturbance such a thing explains.
_SHARE: Final = 0.5


@dataclass(frozen=True)
class Without:
    """What would explain the trouble without any change: how much of it, and in words."""

    share: float
    why: str
    surge: bool = False


def outside(signs: Mapping[str, Sequence[Sign]], blamed: Mapping[str, float]) -> Without:
    """A cause that no change makes: many more requests at the first to be blamed, one record that fails for ever, or
    what lies beyond the services."""
    first = max(blamed, key=lambda one: blamed[one], default="")
    for sign in signs.get(first, ()):
        rose = sign.was is not None and sign.now is not None and sign.now > _SURGE * max(sign.was, 1e-9)
        if sign.group is Group.BUSY and rose and "_per_" not in sign.name.replace("_per_s", ""):
            return Without(_SHARE, f"{first} is asked much more often ({sign.text})", surge=True)
    for service in blamed:
        again = next((one for one in signs.get(service, ()) if one.again), None)
        if again is not None:
            return Without(_SHARE, f"{service} fails at one and the same thing again and again ({again.again})")
    for service, each in signs.items():
        for sign in each:
            found = _beyond(service, sign, signs.keys())
            if found:
                return Without(_SHARE, found)
    return Without(0.0, "")


def _beyond(service: str, sign: Sign, known: Collection[str]) -> str:
    """What a sign tells of something that nobody changes: a machine, a date, somebody else's service."""
    if sign.weight < _HEARD or sign.group is Group.BUSY:
        return ""
    text = f"{sign.name} {sign.text} {sign.whole}"
    if _MACHINE.search(text):
        return f"a machine or its network is in trouble ({service}: {sign.text[:120]})"
    if sign.source == "logs" and _EXPIRED.search(text):
        return f"a certificate has expired ({service}: {sign.text[:120]})"
    host = _ADDRESS.search(text)
    if sign.group is Group.FAILING and host and _THEIRS.search(text) and host[1].split(".")[0] not in known:
        return f"{host[1]}, which {service} asks, does not answer as it should"
    return ""
