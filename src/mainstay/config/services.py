"""Apply configuration, show the difference first, and give it back as the same YAML."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, get_args

import yaml
from django.db import DatabaseError, transaction

from mainstay.config import schema
from mainstay.config.kinds import KINDS
from mainstay.config.kinds.catalog import link_service
from mainstay.config.read import ConfigError, Wanted
from mainstay.core import audit
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Person, Role

Entry = dict[str, Any]


@dataclass(frozen=True)
class Change:
    """One difference between the files and what is. ``fields`` are (name, before, after) of a changed entry."""

    section: str
    ident: str
    kind: str
    fields: tuple[tuple[str, Any, Any], ...] = ()

    def __str__(self) -> str:
        """As a line of a diff."""
        sign = {"add": "+", "change": "~", "remove": "-"}[self.kind]
        more = "; ".join(f"{name}: {_short(before)} -> {_short(after)}" for name, before, after in self.fields)
        return f"{sign} {self.section} {self.ident}" + (f"  ({more})" if more else "")


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else text[:57] + "…"


# Lists in which the order means nothing.
_UNORDERED = {
    "groups",
    "members",
    "depends_on",
    "services",
    "processes",
    "changes",
    "rdate",
    "exdate",
    "closed",
    "stops_for",
    "teams",
}


def _comparable(entry: Entry) -> Entry:
    return {
        name: sorted(value) if name in _UNORDERED and isinstance(value, list) else value
        for name, value in entry.items()
    }


def plan(wanted: Wanted) -> list[Change]:
    """The differences. What came from one of these files and stands in it no more is removed."""
    changes = []
    for section, kind in KINDS.items():
        have, want = kind.load(), wanted.entries[section]
        for ident, entry in want.items():
            if ident not in have:
                changes.append(Change(section, ident, "add"))
                continue
            before, after = _comparable(have[ident][0]), _comparable(entry)
            fields = [(name, before.get(name), after[name]) for name in after if before.get(name) != after[name]]
            source = wanted.files[section, ident]
            if have[ident][1] != source:
                fields.append(("applied from", have[ident][1] or "(by hand)", source))
            if fields:
                changes.append(Change(section, ident, "change", tuple(fields)))
        gone = [ident for ident, (_, source) in have.items() if source in wanted.sources and ident not in want]
        changes += [Change(section, ident, "remove") for ident in gone]
    return changes


def apply(actor: Actor, wanted: Wanted, *, dry_run: bool = False, keep_going: bool = False) -> list[Change]:
    """Bring everything in line with the files, all of it or nothing. Applying twice changes nothing the second time.

    With ``keep_going`` an entry that cannot be applied is left as it is, its problem added to ``wanted.problems``.
    With ``dry_run`` it is really done and then taken back, so that a dry run finds every error that a real one would.
    """
    require(actor, Right.MAINTAIN)
    changes = plan(wanted)
    with transaction.atomic():
        had_admin = Person.objects.filter(role=Role.ADMIN, is_active=True).exists()
        failed = _carry_out(actor, wanted, changes)
        problems = [problem for found in failed.values() for problem in found]
        if problems and not keep_going:
            raise ConfigError(problems)
        wanted.problems += problems
        changes = [change for change in changes if (change.section, change.ident) not in failed]
        if not Person.objects.filter(role=Role.ADMIN, is_active=True).exists() and had_admin:
            raise ConfigError(["people: nobody would be an admin any more; keep one"])
        if changes:
            audit.record(
                actor, "config.apply", ", ".join(sorted(wanted.sources)), changes=[str(one)[:200] for one in changes]
            )
        if dry_run:
            transaction.set_rollback(True)
    return changes


def _carry_out(actor: Actor, wanted: Wanted, changes: list[Change]) -> dict[tuple[str, str], list[str]]:
    """Do it. Returns the problems of each entry that could not be applied."""
    problems: dict[tuple[str, str], list[str]] = {}

    def attempt(file: str, change: Change, call: Callable[[], None]) -> None:
        found = _try(file, change, call)
        if found:
            problems.setdefault((change.section, change.ident), []).extend(found)

    for section, kind in KINDS.items():
        for change in changes:
            if change.section != section or change.kind == "remove":
                continue
            entry, file = wanted.entries[section][change.ident], wanted.files[section, change.ident]
            attempt(file, change, partial(kind.save, actor, entry, file))
        if section == "services":
            for change in changes:
                if change.section == section and change.kind != "remove":
                    entry, file = wanted.entries[section][change.ident], wanted.files[section, change.ident]
                    attempt(file, change, partial(link_service, entry))
    # Removals go the other way round, so that nothing is removed while another entry still names it.
    for section, kind in reversed(list(KINDS.items())):
        for change in changes:
            if change.section == section and change.kind == "remove":
                kind.remove(actor, change.ident)
    return problems


def _try(file: str, change: Change, call: Callable[[], None]) -> list[str]:
    try:
        with transaction.atomic():
            call()
    except DatabaseError as error:
        return [f"{file}: {change.section} {change.ident}: {error}"]
    except ValueError as error:
        return [f"{file}: {change.section} {change.ident}: {error}"]
    return []


def export(actor: Actor) -> str:
    """Everything that can be configured by files, as one file. Applying it changes nothing."""
    require(actor, Right.READ)
    document: dict[str, list[Entry]] = {}
    for section, kind in KINDS.items():
        entries = [_without_defaults(section, entry) for _, (entry, _) in sorted(kind.load().items())]
        if entries:
            document[section] = entries
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)


def _without_defaults(section: str, entry: Mapping[str, Any]) -> Entry:
    """The entry without what would be assumed anyway."""
    model = get_args(schema.Document.model_fields[section].annotation)[0]
    shortest = model.model_validate(entry).model_dump(by_alias=True, mode="json", exclude_defaults=True)
    return dict(shortest)
