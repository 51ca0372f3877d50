"""Machines that runbooks reach: the one door to them, and which of them a book may take."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from django.db.models import QuerySet

from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.restore.runbooks.book.model import Book
from mainstay.restore.runbooks.models import Host

_ADDRESS = re.compile(r"(?:(?P<user>[A-Za-z0-9._-]+)@)?(?P<host>[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::(?P<port>\d+))?")


class HostError(ValueError):
    """An entry of a host cannot be used; the text names the field and the remedy."""


def parse(address: str) -> tuple[str, str, int]:
    """User, host and port of ``USER@HOST:PORT``. Raises ``HostError``."""
    match = _ADDRESS.fullmatch(address)
    if match is None or not 0 < int(match["port"] or 22) < 65_536:
        raise HostError("address: write USER@HOST or USER@HOST:PORT")
    return match["user"] or "", match["host"].strip("[]"), int(match["port"] or 22)


def known_hosts_file() -> Path:
    """Where the keys of hosts are that are not in their entries."""
    named = current().runbook_known_hosts
    return Path(named) if named else Path(current().data_dir) / "ssh" / "known_hosts"


@dataclass(frozen=True)
class Machine:
    """A host with all that leads to it."""

    key: str
    address: str
    secret: str
    host_key: str
    via: "Machine | None" = None


def machines(keys: Sequence[str]) -> dict[str, Machine]:
    """Hosts by key, in the order asked for. One that is not known, or not the way to it, is not among them."""
    rows: dict[str, Host] = {}
    wanted = set(keys)
    while wanted:
        found = {one.key: one for one in Host.objects.filter(key__in=wanted)}
        rows |= found
        wanted = {one.via for one in found.values() if one.via} - set(rows)
    every = {key: _machine(rows, key, frozenset()) for key in keys}
    return {key: one for key, one in every.items() if one is not None}


def _machine(rows: Mapping[str, Host], key: str, behind: frozenset[str]) -> Machine | None:
    row = rows.get(key)
    if row is None or key in behind:
        return None
    via = _machine(rows, row.via, behind | {key}) if row.via else None
    return Machine(key, row.address, row.secret, row.host_key, via) if via or not row.via else None


def place(host: Machine) -> str:
    """What a lease is of: two names of one machine are the same place."""
    _, name, port = parse(host.address)
    behind = f"{place(host.via)}/" if host.via else ""
    return f"{behind}{name.lower()}:{port}"[:300]


def visible(actor: Actor) -> QuerySet[Host]:
    """The one door to hosts, by key."""
    require(actor, Right.RESPOND)
    return Host.objects.order_by("key")


def allowed(actor: Actor, book: Book) -> list[Host]:
    """The hosts that a book may take: those that it names in their order, then those of its groups."""
    every = {one.key: one for one in visible(actor)}
    named = [every[key] for key in book.targets.hosts if key in every]
    groups = set(book.targets.groups)
    return named + [one for one in every.values() if groups & set(one.groups) and one not in named]


def chosen(actor: Actor, book: Book, wanted: Sequence[str] | None) -> list[str]:
    """The keys of the targets of a run: those wanted, else all that the book may take. Raises ``ProblemError``."""
    keys = [one.key for one in allowed(actor, book)]
    missing = [key for key in book.targets.hosts if key not in keys]
    if missing:
        raise bad_request(f"the book names the host {missing[0]}, which is not known; add it under hosts", "targets")
    if wanted is not None:
        strange = [key for key in wanted if key not in keys]
        if strange:
            known = ", ".join(keys[:10]) or "none"
            raise bad_request(f"{strange[0]} is no target of this book; it may take {known}", "targets")
        keys = list(dict.fromkeys(wanted))
    if book.targets and not keys:
        raise bad_request("no host is in the groups that the book names", "targets")
    most = min(book.targets.most or current().runbook_max_targets, current().runbook_max_targets)
    if len(keys) > most:
        raise bad_request(f"{len(keys)} targets are more than the {most} that are allowed; name fewer", "targets")
    return keys
