"""Which service a database belongs to, by its name, where nobody has said who calls it. Pure."""

import re
from collections.abc import Collection, Iterable
from typing import Final

_STORE: Final = re.compile(
    r"(?i)^(?:db|database|sql|mysql|mariadb|postgres(?:ql)?|pg|mongo(?:db)?|redis|memcached?|cache|cassandra|elastic(?:search)?)$"
)
_PLAIN: Final = re.compile(r"(?i)^(?:service|svc|server|app|api)$")


def calls_of(services: Collection[str], calls: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """Pairs of a service and the database that bears its name, for databases that no known call leads to."""
    known = list(calls)
    linked = {one for pair in known for one in pair}
    owners: dict[str, str] = {}
    for one in sorted(linked):
        stem, is_store = _stem(one)
        if stem and not is_store:
            owners.setdefault(stem, one)
    found = []
    for one in sorted(set(services) - linked):
        stem, is_store = _stem(one)
        if is_store and stem in owners:
            found.append((owners[stem], one))
    return found


def _stem(name: str) -> tuple[str, bool]:
    """What remains of a name without words for its kind, and whether one of them is for a database."""
    words = [re.sub(r"(?i)(?<=.)(?:service|svc)$", "", one) for one in re.split(r"[-_.]+", name)]
    rest = [one for one in words if one and not _STORE.match(one) and not _PLAIN.match(one)]
    return "-".join(rest).lower(), any(map(_STORE.match, words))
