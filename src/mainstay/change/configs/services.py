"""Looks at configuration: taken, kept without secrets, compared, told. The one door to the room."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import cramjam
import orjson
import polars as pl
from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils.crypto import salted_hmac

from mainstay.catalog.models import Service
from mainstay.change.configs import collect
from mainstay.change.configs.compare import Difference, difference, unified
from mainstay.change.configs.masking import masked, tag_of
from mainstay.change.configs.models import Snapshot, Source, Text
from mainstay.core import audit, clock, feed, ids, locks
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.observe.changes import services as changes
from mainstay.observe.changes.services import ChangeEvent

Manifest = dict[str, tuple[str, int]]
KEPT_AS_WRITTEN = ("kind", "host", "files", "command", "url", "connection", "ignore", "like", "enabled")
# What of a difference goes with the change event, and what a page shows, characters.
_TOLD, _SHOWN = 50_000, 200_000
# The lock that keeps texts from being forgotten while a look that has them is kept.
_TEXTS = "texts of configuration"


def visible(actor: Actor) -> QuerySet[Source]:
    """The one door to sources."""
    require(actor, Right.READ)
    return Source.objects.select_related("service").order_by("key")


def get(actor: Actor, key: str) -> Source:
    """One source."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"configuration {key}")
    return found


def snapshots(actor: Actor, source: Source) -> QuerySet[Snapshot]:
    """What was seen of it, the newest first; one for each time that something had changed. It takes a responder."""
    require(actor, Right.RESPOND)
    return source.snapshots.defer("manifest").order_by("-at", "-pk")


def snapshot(actor: Actor, number: int) -> Snapshot:
    """One of them."""
    require(actor, Right.RESPOND)
    found = Snapshot.objects.select_related("source").filter(pk=number).first()
    if found is None:
        raise not_found(f"snapshot {number}")
    return found


def manifest_of(row: Snapshot) -> Manifest:
    """Path -> (digest of its text, bytes of the file)."""
    return {path: (one[0], one[1]) for path, one in orjson.loads(_unpacked(row.manifest)).items()}


def text_of(actor: Actor, row: Snapshot, path: str) -> str:
    """A text as it was kept, without its secrets."""
    require(actor, Right.RESPOND)
    found = manifest_of(row).get(path)
    if found is None:
        raise not_found(f"{path} in {row}")
    return _texts([found[0]]).get(found[0], "")


def _texts(digests: Sequence[str]) -> dict[str, str]:
    rows = Text.objects.filter(digest__in=set(digests)).values_list("digest", "packed")
    return {digest: _unpacked(packed).decode() for digest, packed in rows}


def _packed(data: bytes) -> bytes:
    return bytes(cramjam.zstd.compress(data, level=1))


def _unpacked(data: Any) -> bytes:
    return bytes(cramjam.zstd.decompress(bytes(data)))


def _key() -> bytes:
    """The key of the tags: it follows from this installation's own."""
    return salted_hmac("mainstay.configs", "tags", secret=settings.SECRET_KEY, algorithm="sha256").digest()


def readable(seen: collect.Seen, ignore: Sequence[str]) -> dict[str, str]:
    """What was seen as text, without secrets and without lines that are ignored. Of what is no text, a tag."""
    key, texts = _key(), {}
    for path, (data, size) in seen.items():
        if data is None:
            texts[path] = f"[{size} bytes, more than config_file_kb]"
        elif b"\0" in data[:8192]:
            texts[path] = f"[no text, {size} bytes, {tag_of(data.decode('latin-1'), key)}]"
        else:
            texts[path] = data.decode("utf-8", "replace").replace("\r\n", "\n")
    paths, found = list(texts), masked(list(texts.values()), key)
    for expression in ignore:
        column = pl.Series(found, dtype=pl.String)
        found = column.str.replace_all(f"(?m)^.*(?:{expression}).*\\n?", "").to_list()
    return dict(zip(paths, found, strict=True))


def take(actor: Actor, key: str, why: str = "") -> Snapshot | None:
    """Look at a source now. Returns what is new, or nothing where nothing has changed.

    Raises ``ProblemError`` with what hinders the look; that stands at the source, too.
    """
    require(actor, Right.RESPOND)
    source = get(actor, key)
    try:
        texts = readable(collect.look(source), source.ignore)
    except collect.LookError as error:
        Source.objects.filter(pk=source.pk).update(problem=str(error), looked_at=clock.now())
        raise ProblemError(502, "Not seen", f"{source.name}: {error}") from None
    return _keep(actor, source, texts, why)


@transaction.atomic
def _keep(actor: Actor, source: Source, texts: Mapping[str, str], why: str) -> Snapshot | None:
    locks.one_at_a_time(_TEXTS)
    source = Source.objects.select_for_update(of=("self",)).select_related("service").get(pk=source.pk)
    source.looked_at, source.problem = clock.now(), ""
    source.save(update_fields=["looked_at", "problem"])
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()}
    manifest = {path: (digests[path], len(text.encode())) for path, text in texts.items()}
    data = orjson.dumps(manifest, option=orjson.OPT_SORT_KEYS)
    whole = hashlib.sha256(data).hexdigest()
    last = source.snapshots.order_by("-at", "-pk").first()
    if last is not None and last.digest == whole and not why:
        return None
    before = {path: one[0] for path, one in manifest_of(last).items()} if last is not None else {}
    found = difference(before, digests)
    _keep_texts({digests[path]: texts[path] for path in (*found.added, *found.changed)})
    row = Snapshot.objects.create(
        source=source,
        at=clock.now(),
        manifest=_packed(data),
        digest=whole,
        files=len(manifest),
        summary=(
            found.summary if last is not None else f"first look, {len(manifest)} file{'s' * (len(manifest) != 1)}"
        )[:300],
        why=why,
    )
    _forget_old(source)
    audit.record(actor, "configuration.snapshot", f"configuration {source.key}", summary=row.summary, why=why)
    feed.tell("configurations", source.key)
    if last is not None and found:
        text = patch(found, before, digests, _TOLD)
        transaction.on_commit(lambda: _tell_change(source, row, text))
    return row


def _keep_texts(wanted: Mapping[str, str]) -> None:
    """Each text once, however many files and looks have it."""
    names = list(wanted)
    for start in range(0, len(names), 500):
        part = names[start : start + 500]
        have = set(Text.objects.filter(digest__in=part).values_list("digest", flat=True))
        new = [Text(digest=one, packed=_packed(wanted[one].encode())) for one in part if one not in have]
        Text.objects.bulk_create(new, ignore_conflicts=True)


def _forget_old(source: Source) -> None:
    old = source.snapshots.order_by("-at", "-pk").values_list("pk", flat=True)[current().config_snapshots_kept :]
    source.snapshots.filter(pk__in=list(old)).delete()


def _tell_change(source: Source, row: Snapshot, text: str) -> None:
    """As a change of its service, beside deploys, where an incident looks for what changed."""
    changes.tell(
        ChangeEvent(
            time=clock.now(),
            service=source.service.key if source.service else source.key,
            kind="config",
            id=ids.new_id(),
            summary=f"{source.name}: {row.summary}"[:2000],
            author="",
            version="",
            link=f"{current().public_url}/configurations/{source.key}?after={row.pk}",
            diff=text,
        )
    )


def patch(found: Difference, before: Mapping[str, str], after: Mapping[str, str], most: int) -> str:
    """The difference of two looks, path -> digest, as one patch of so many characters at most."""
    paths = [*found.changed, *found.added, *found.removed]
    parts, size = [], 0
    for start in range(0, len(paths), 200):
        chosen = paths[start : start + 200]
        texts = _texts([side[path] for path in chosen for side in (before, after) if path in side])
        for path in chosen:
            old, new = texts.get(before.get(path, ""), ""), texts.get(after.get(path, ""), "")
            part = unified(path.lstrip("/"), old, new)
            parts.append(part)
            size += len(part) + 1
            if size > most:
                return "\n".join(parts)[:most] + f"\n[cut: {len(paths)} files differ]"
    return "\n".join(parts)


@dataclass(frozen=True)
class Compared:
    """Two looks beside each other."""

    before: Snapshot | None
    after: Snapshot
    found: Difference
    patch: str


def compared(actor: Actor, after: Snapshot, before: Snapshot | None) -> Compared:
    """What differs between two looks, of one source or of two. Without ``before`` everything is new."""
    require(actor, Right.RESPOND)
    old = {path: one[0] for path, one in manifest_of(before).items()} if before is not None else {}
    new = {path: one[0] for path, one in manifest_of(after).items()}
    found = difference(old, new)
    return Compared(before, after, found, patch(found, old, new, _SHOWN) if before is not None else "")


def latest(source: Source) -> Snapshot | None:
    """What was seen last."""
    return source.snapshots.select_related("source").order_by("-at", "-pk").first()


def twin(actor: Actor, source: Source) -> Snapshot | None:
    """What was seen last of the source that this one must look like."""
    require(actor, Right.RESPOND)
    other = Source.objects.filter(key=source.like).first() if source.like else None
    return latest(other) if other is not None else None


@transaction.atomic
def save(actor: Actor, entry: Mapping[str, Any], service: Service | None, source: str) -> None:
    """Make a source, or change the one with this key. It is looked at at once."""
    require(actor, Right.MAINTAIN)
    _check(entry)
    values = {name: entry[name] for name in ("name", *KEPT_AS_WRITTEN)}
    every = entry["interval"] or current().config_interval
    Source.objects.update_or_create(
        key=entry["key"],
        defaults={**values, "interval_seconds": every, "service": service, "source": source, "next_at": clock.now()},
    )
    audit.record(actor, "configuration.save", f"configuration {entry['key']}", kind=entry["kind"])


_NEEDS = {"files": "files", "command": "command", "http": "url", "database": "connection"}


def _check(entry: Mapping[str, Any]) -> None:
    needed = _NEEDS[entry["kind"]]
    if not entry[needed]:
        raise bad_request(f"a source of the kind {entry['kind']} needs {needed}", needed)
    if entry["like"] == entry["key"]:
        raise bad_request("name another source", "like")
    for expression in entry["ignore"]:
        try:
            pl.Series([""]).str.contains(expression)
        except pl.exceptions.ComputeError as error:
            raise bad_request(f"{expression!r} is no expression: {error}", "ignore") from None


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Forget a source and what was seen of it."""
    require(actor, Right.MAINTAIN)
    if Source.objects.filter(key=key).delete()[0]:
        audit.record(actor, "configuration.remove", f"configuration {key}")


@transaction.atomic
def prune() -> int:
    """Delete texts that no look has any more, while none is being kept. Returns how many."""
    locks.one_at_a_time(_TEXTS)
    held: set[str] = set()
    for row in Snapshot.objects.only("manifest").iterator(chunk_size=50):
        held |= {one[0] for one in manifest_of(row).values()}
    gone = [pk for pk, digest in Text.objects.values_list("pk", "digest").iterator() if digest not in held]
    for start in range(0, len(gone), 500):
        Text.objects.filter(pk__in=gone[start : start + 500]).delete()
    return len(gone)


def look_soon(service: Service) -> int:
    """Have what a service is configured with looked at now, such as when a release of it begins. Returns how many."""
    found = Source.objects.filter(service=service, enabled=True, next_at__gt=clock.now())
    return int(found.update(next_at=clock.now()))


def next_look(source: Source) -> None:
    """Have a source looked at again after its interval."""
    due = clock.now() + timedelta(seconds=source.interval_seconds)
    Source.objects.filter(pk=source.pk).update(next_at=due)
