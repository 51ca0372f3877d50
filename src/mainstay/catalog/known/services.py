"""Keep known errors, and have them ready to be matched: the one door to them."""

import re
import threading
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.catalog.base import KEY, Service, Team
from mainstay.catalog.known.index import Index
from mainstay.catalog.known.models import KnownError, KnownErrorStamp
from mainstay.catalog.known.signature import Signature, SignatureError, matchers_of, parse_condition, words_of
from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.ids import new_id
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError, not_found
from mainstay.core.settings import current

MATCH: Mapping[str, Any] = {
    "rules": [],
    "labels": {},
    "matchers": [],
    "text": "",
    "words": [],
    "condition": "",
    "log": "",
}
_TEXTS = {"name": 160, "workaround": 20_000, "runbook": 80, "ticket": 300, "fixed_by": 120}
_PARTS = {"text": 300, "condition": 300, "log": 1000}
# Addresses of screens that would hide a known error of this name.
_RESERVED = frozenset({"edit"})
_STAMP = 1


@dataclass(frozen=True)
class Compiled:
    """All signatures, ready: those that an alert alone decides, those that a log template decides with it.

    ``problems`` are those that cannot be used, by key, with the reason. They stop no other.
    """

    at_once: Index = field(default_factory=lambda: Index(()))
    with_log: Index = field(default_factory=lambda: Index(()))
    problems: Mapping[str, str] = field(default_factory=dict)


def visible(actor: Actor) -> QuerySet[KnownError]:
    """The one door to known errors, by key."""
    require(actor, Right.READ)
    return KnownError.objects.select_related("team", "owner").prefetch_related("services").order_by("key")


def get(actor: Actor, key: str) -> KnownError:
    """One known error. 404 when there is none."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"known error {key}")
    return found


def listed(actor: Actor, service: str = "", owner: str = "", state: str = "", text: str = "") -> QuerySet[KnownError]:
    """Known errors by filters: a service's key, an owner (address of a person or key of a team), a text.

    ``state`` is empty for those in use, ``ask`` for those that somebody should look at, ``retired`` or ``all``.
    """
    found = visible(actor)
    if state != "all":
        found = found.filter(retired_at__isnull=state != "retired")
    if state == "ask":
        found = found.exclude(asked_at=None)
    if service:
        found = found.filter(Q(services__key=service) | Q(scoped=False, services=None)).distinct()
    if owner:
        found = found.filter(Q(owner__email=owner) | Q(team__key=owner))
    if text:
        holds = Q(key__icontains=text) | Q(name__icontains=text) | Q(workaround__icontains=text)
        found = found.filter(holds | Q(match_text__icontains=text) | Q(match_log__icontains=text))
    return found


def to_look_at(actor: Actor) -> QuerySet[KnownError]:
    """Those that this person is asked about: as owner, else as a member of the team, else as a maintainer."""
    mine = Q(owner_id=actor.person_id) | Q(owner=None, team__members=actor.person_id)
    if actor.right >= Right.MAINTAIN:
        mine |= Q(owner=None, team=None)
    return listed(actor, state="ask").filter(mine).distinct()


def match_of(row: KnownError) -> dict[str, Any]:
    """How it is recognised, as a configuration file has it."""
    return {name: getattr(row, f"match_{name}") for name in MATCH}


def entry_of(row: KnownError) -> dict[str, Any]:
    """A known error as a configuration file has it."""
    return {
        "key": row.key,
        "name": row.name,
        "services": sorted(service.key for service in row.services.all()),
        "team": row.team.key if row.team else None,
        "owner": row.owner.email if row.owner else None,
        "match": match_of(row),
        "workaround": row.workaround,
        "runbook": row.runbook,
        "fix": row.fix,
        "ticket": row.ticket,
        "fixed_by": row.fixed_by,
    }


def signature_of(pk: int, key: str, services: frozenset[str], scoped: bool, match: Mapping[str, Any]) -> Signature:
    """The signature that parts as text make. Raises ``SignatureError``."""
    return Signature(
        pk,
        key,
        services,
        scoped,
        frozenset(match["rules"]),
        matchers_of(match["labels"], match["matchers"]),
        match["text"],
        words_of(" ".join(match["words"])),
        parse_condition(match["condition"]),
        match["log"],
    )


# None until they have been read; no stamp, "", says that none has ever been kept or taken out.
_known: tuple[str | None, Compiled] = (None, Compiled())
_lock = threading.Lock()


def compiled() -> Compiled:
    """All signatures in use, ready. Read anew when they have changed, which one small query tells.

    Who asks while another thread reads them gets those until now: no alert waits for thousands of others' signatures.
    """
    global _known  # noqa: PLW0603 - one for the process, replaced as a whole
    stamp = KnownErrorStamp.objects.filter(pk=_STAMP).values_list("value", flat=True).first() or ""
    if _known[0] == stamp:
        return _known[1]
    if not _lock.acquire(blocking=_known[0] is None):
        return _known[1]
    try:
        if _known[0] != stamp:
            _known = (stamp, _compile())
        return _known[1]
    finally:
        _lock.release()


def _compile() -> Compiled:
    services: dict[int, set[str]] = defaultdict(set)
    for pk, key in KnownError.services.through.objects.values_list("knownerror_id", "service__key"):
        services[pk].add(key)
    at_once: list[Signature] = []
    with_log: list[Signature] = []
    problems = {}
    for row in KnownError.objects.filter(retired_at=None).defer("workaround").iterator(chunk_size=2000):
        try:
            one = signature_of(row.pk, row.key, frozenset(services[row.pk]), row.scoped, match_of(row))
        except SignatureError as error:
            problems[row.key] = str(error)
            continue
        (with_log if one.log else at_once).append(one)
    return Compiled(Index(at_once), Index(with_log), problems)


def touch() -> None:
    """Have every process read the signatures anew, once the caller's transaction is done."""
    KnownErrorStamp.objects.update_or_create(pk=_STAMP, defaults={"value": new_id()})


@transaction.atomic
def save(actor: Actor, entry: Mapping[str, Any], *, source: str = "", from_incident: int | None = None) -> KnownError:
    """Make a known error, or change the one with this key; an empty key takes the next number. Counts stay.

    Whoever writes it says that it is true. Raises ``SignatureError``, and ``ProblemError`` 409 for one of a file.
    """
    require(actor, Right.RESPOND)
    key = str(entry.get("key") or "") or _next_key()
    before = KnownError.objects.filter(key=key).first()
    _check_source(before, source, "change it there")
    wanted = _checked(key, entry)
    services = _services(entry.get("services") or [])
    match = {**MATCH, **(entry.get("match") or {})}
    signature_of(0, key, frozenset(), scoped=False, match=match)
    now = clock.now()
    values = {
        **wanted,
        **{f"match_{name}": match[name] for name in MATCH},
        "scoped": bool(services),
        "source": source,
        "verified_by": str(actor),
        "verified_at": now,
        "asked_why": "",
        "asked_at": None,
    }
    if before is None:
        _check_room()
        values |= {"created_by": str(actor), "created_at": now, "from_incident": from_incident}
    row, made = KnownError.objects.update_or_create(key=key, defaults=values)
    row.services.set(services)
    action = "known_error.create" if made else "known_error.change"
    audit.record(actor, action, f"known error {key}", name=row.name, match=match, incident=from_incident)
    touch()
    return row


def _checked(key: str, entry: Mapping[str, Any]) -> dict[str, Any]:
    """What an entry says beside its signature. Raises ``SignatureError``."""
    if not re.fullmatch(KEY.regex, key):
        raise SignatureError("key", str(KEY.message))
    if key in _RESERVED:
        raise SignatureError("key", f"{key!r} is taken by a screen; choose another")
    texts = {name: str(entry.get(name) or "").strip() for name in _TEXTS}
    texts["name"] = texts["name"] or key
    for name, most in _TEXTS.items():
        if len(texts[name]) > most:
            raise SignatureError(name, f"it has {len(texts[name])} signs, and {most} may be")
    if not texts["workaround"]:
        raise SignatureError("workaround", "write what to do until it is fixed for good")
    fix = str(entry.get("fix") or KnownError.Fix.NONE)
    if fix not in KnownError.Fix.values:
        raise SignatureError("fix", f"{fix!r} is not one of {', '.join(KnownError.Fix.values)}")
    for name, most in _PARTS.items():
        if len(str((entry.get("match") or {}).get(name) or "")) > most:
            raise SignatureError(name, f"it has more than {most} signs")
    team, owner = entry.get("team"), entry.get("owner")
    found_team = Team.objects.filter(key=team).first() if team else None
    found_owner = Person.objects.filter(email=str(owner).lower()).first() if owner else None
    if team and found_team is None:
        raise SignatureError("team", f"there is no team {team!r}")
    if owner and found_owner is None:
        raise SignatureError("owner", f"there is no person {owner!r}")
    return {**texts, "fix": fix, "team": found_team, "owner": found_owner}


def _services(keys: list[str]) -> list[Service]:
    found = {service.key: service for service in Service.objects.filter(key__in=keys)}
    for key in keys:
        if key not in found:
            raise SignatureError("services", f"there is no service {key!r}")
    return list(found.values())


def _next_key() -> str:
    numbers = (re.fullmatch(r"KE-(\d{1,9})", key) for key in KnownError.objects.values_list("key", flat=True))
    return f"KE-{max((int(one[1]) for one in numbers if one), default=0) + 1}"


def _check_room() -> None:
    most = current().known_errors_max
    if KnownError.objects.filter(retired_at=None).count() >= most:
        raise SignatureError("key", f"there are {most} known errors; retire some, or raise known_errors_max")


def _check_source(row: KnownError | None, source: str, remedy: str) -> None:
    if row is not None and row.source and not source:
        raise ProblemError(409, "Comes from a file", f"{row.key} is applied from {row.source}; {remedy}.")


def _change(actor: Actor, key: str, action: str, **values: Any) -> KnownError:
    row = KnownError.objects.select_for_update().filter(key=key).first()
    if row is None:
        raise not_found(f"known error {key}")
    for name, value in {**values, "asked_why": "", "asked_at": None}.items():
        setattr(row, name, value)
    row.save(update_fields=[*values, "asked_why", "asked_at", "changed_at"])
    audit.record(actor, f"known_error.{action}", f"known error {key}")
    return row


@transaction.atomic
def verify(actor: Actor, key: str) -> KnownError:
    """Say that it is still true: its signature, and that its workaround helps."""
    require(actor, Right.RESPOND)
    return _change(actor, key, "verify", verified_by=str(actor), verified_at=clock.now())


@transaction.atomic
def retire(actor: Actor, key: str) -> KnownError:
    """Take it out of use: nothing is recognised by it any more, and what it matched stays."""
    require(actor, Right.RESPOND)
    _check_source(KnownError.objects.filter(key=key).first(), "", "take it out there")
    row = _change(actor, key, "retire", retired_by=str(actor), retired_at=clock.now())
    touch()
    return row


@transaction.atomic
def revive(actor: Actor, key: str) -> KnownError:
    """Take a retired one into use again, which says that it is true."""
    require(actor, Right.RESPOND)
    told = {"verified_by": str(actor), "verified_at": clock.now()}
    row = _change(actor, key, "revive", retired_by="", retired_at=None, **told)
    touch()
    return row


@transaction.atomic
def remove(actor: Actor, key: str, *, source: str) -> None:
    """Delete one that left its file, with what it matched."""
    require(actor, Right.MAINTAIN)
    KnownError.objects.filter(key=key, source=source).delete()
    audit.record(actor, "known_error.remove", f"known error {key}")
    touch()
