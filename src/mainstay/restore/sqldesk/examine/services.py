"""What can be done with reads: run, cancel, ask for one, approve, pin. The one door to them."""

import hashlib
import json
from collections.abc import Generator, Iterator, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline import services as timeline
from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.engines.base import CancelledError, DeskError
from mainstay.restore.sqldesk.examine import running, values
from mainstay.restore.sqldesk.examine.known import Catalog, catalog_of
from mainstay.restore.sqldesk.examine.parameters import Parameter, ParameterError
from mainstay.restore.sqldesk.examine.running import NotARead, Question, Reading
from mainstay.restore.sqldesk.models import Connection, Evidence, Read, SavedQuery

State = Read.State
Finished = tuple[Read, Reading, list[list[Any]]]


def visible(actor: Actor) -> QuerySet[Read]:
    """The one door to reads, newest first."""
    require(actor, Right.RESPOND)
    return Read.objects.select_related("connection", "saved", "incident").order_by("-asked_at", "-pk")


def history(actor: Actor, connection: str = "") -> QuerySet[Read]:
    """One's own reads."""
    found = visible(actor).filter(person=actor.person_id, person_name=actor.name)
    return found.filter(connection__key=connection) if connection else found


def get(actor: Actor, number: int) -> Read:
    """One read."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"read {number}")
    return found


def schema(actor: Actor, key: str) -> Catalog:
    """Tables, views and columns of a connection."""
    connection = connections.get(actor, key)
    try:
        return catalog_of(connection)
    except DeskError as error:
        raise connections.describe_problem(error) from error


def begin(
    actor: Actor,
    key: str,
    sql: str,
    given: Mapping[str, Any] | None = None,
    *,
    saved: int | None = None,
    incident: int | None = None,
    token: str = "",
    reason: str = "",
) -> Read:
    """Write down that a read is asked for. Where a colleague has to approve it, it waits for that."""
    require(actor, Right.RESPOND)
    connection = connections.get(actor, key)
    query = SavedQuery.objects.filter(pk=saved).first() if saved is not None else None
    if query is not None:
        sql, connection = query.sql, query.connection
    if not sql.strip():
        raise bad_request("write a query", "sql")
    if len(sql) > current().sql_statement_length:
        raise bad_request(f"write at most {current().sql_statement_length} characters", "sql")
    if incident is not None and not Incident.objects.filter(pk=incident).exists():
        raise bad_request(f"there is no incident {incident}", "incident")
    waits = connection.sensitive or (query is not None and query.sensitive)
    if waits and not reason.strip():
        raise bad_request("a colleague has to approve this read; write why you need it", "reason")
    if token and Read.objects.filter(token=token).exists():
        raise bad_request("this token was used for another read", "token")
    with transaction.atomic():
        read = Read.objects.create(
            connection=connection,
            saved=query,
            incident_id=incident,
            person_id=actor.person_id,
            person_name=actor.name,
            token=token or uuid4().hex,
            sql=sql,
            values=dict(given or {}),
            reason=reason.strip(),
            state=State.REQUESTED if waits else State.RUNNING,
            asked_at=clock.now(),
        )
        _note(actor, read, "ask" if waits else "run", sql=sql, **({"reason": reason} if reason else {}))
    return read


def run(actor: Actor, read: Read, *, offset: int = 0, limit: int | None = None) -> Finished:
    """Carry a read out and hand over its rows, once."""
    with _begun(actor, read, Question(read.sql, _specs(read), read.values, offset, limit)) as (reading, chunks):
        rows = [row for chunk in chunks for row in chunk]
    return read, reading, rows


def export(actor: Actor, read: Read, form: str) -> Generator[bytes, None, None]:
    """Carry a read out and hand over its rows as a file, as they come."""
    if form not in values.FORMATS:
        raise bad_request(f"write one of {', '.join(values.FORMATS)}", "format")
    audit.record(actor, "sql.export", str(read), format=form)
    with _begun(actor, read, Question(read.sql, _specs(read), read.values)) as (reading, chunks):
        first: list[list[Any]] = next(chunks, [])
        yield from values.export(reading.names, _again(first, chunks), form)


def _again(first: list[list[Any]], rest: Iterator[list[list[Any]]]) -> Iterator[list[list[Any]]]:
    yield first
    yield from rest


class _begun:  # noqa: N801 - used as a context manager
    """A read that runs, and its end written down whatever that is."""

    def __init__(self, actor: Actor, read: Read, question: Question) -> None:
        self.actor, self.read = actor, read
        _take(actor, read)
        self.inner = running.opened(read.connection, question, read.token)
        self.reading: Reading | None = None

    def __enter__(self) -> tuple[Reading, Iterator[Any]]:
        try:
            self.reading, chunks = self.inner.__enter__()
        except Exception as error:
            raise self._failed(error) from error
        Read.objects.filter(pk=self.read.pk).update(server_id=self.reading.server_id)
        return self.reading, chunks

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: Any) -> None:
        self.inner.__exit__(kind, error, trace)
        if isinstance(error, Exception):
            raise self._failed(error) from error
        self._end(State.CANCELLED if error is not None else State.DONE, "")

    def _failed(self, error: Exception) -> Exception:
        if isinstance(error, NotARead):
            self._end(State.REFUSED, str(error))
            return ProblemError(422, "Not a read", str(error), "sql", rule=error.verdict.rule)
        if isinstance(error, ParameterError):
            self._end(State.REFUSED, str(error))
            return bad_request(str(error), f"values.{error.name}")
        if isinstance(error, DeskError):
            # Not every driver tells a cancelled statement from one that took too long.
            by = Read.objects.values_list("cancelled_name", flat=True).get(pk=self.read.pk)
            cancelled = bool(by) or isinstance(error, CancelledError)
            self._end(State.CANCELLED if cancelled else State.FAILED, f"cancelled by {by}" if by else str(error))
            return connections.describe_problem(error)
        self._end(State.FAILED, type(error).__name__)
        return error

    def _end(self, state: str, message: str) -> None:
        reading = self.reading or Reading(self.read.connection)
        self.read.state, self.read.message = state, message
        self.read.rows, self.read.bytes = reading.rows, reading.bytes
        self.read.cut, self.read.elapsed_ms = bool(reading.cut), reading.elapsed_ms
        with transaction.atomic():
            self.read.save(update_fields=["state", "message", "rows", "bytes", "cut", "elapsed_ms"])
            _note(self.actor, self.read, state, rows=reading.rows, **({"message": message} if message else {}))


def _specs(read: Read) -> tuple[Parameter, ...]:
    return tuple(Parameter.of(one) for one in read.saved.parameters) if read.saved else ()


def hash_of(read: Read) -> str:
    """Of exactly what is asked: text, values and where."""
    connection = read.connection
    body = [read.sql, read.values, connection.key, connection.dialect, connection.read_address, connection.address]
    return hashlib.sha256(json.dumps(body, sort_keys=True, default=str).encode()).hexdigest()


def _take(actor: Actor, read: Read) -> None:
    """Make a read one that runs. Whoever asked may run it, an approved one once and in time."""
    require(actor, Right.RESPOND)
    if read.person_id != actor.person_id or read.person_name != actor.name:
        raise ProblemError(403, "Not allowed", "only whoever asked sees the answer")
    if read.state == State.RUNNING:
        return
    if read.state != State.APPROVED:
        raise ProblemError(409, "Not now", f"{read} is {read.get_state_display().lower()}; ask anew")
    if read.expires_at is None or clock.now() >= read.expires_at:
        raise ProblemError(409, "Too late", f"the approval of {read} has expired; ask anew")
    if read.decided_hash != hash_of(read):
        raise ProblemError(409, "Changed", f"{read} or its connection was changed since the approval; ask anew")
    if not Read.objects.filter(pk=read.pk, state=State.APPROVED).update(state=State.RUNNING):
        raise ProblemError(409, "Seen", f"{read} was carried out already; ask anew")
    read.state = State.RUNNING


@transaction.atomic
def decide(actor: Actor, number: int, seen_hash: str, *, approve: bool, note: str = "") -> Read:
    """Approve exactly what was seen, or reject it. Nobody approves a read of their own."""
    require(actor, Right.RESPOND)
    read = Read.objects.select_for_update().select_related("connection").filter(pk=number).first()
    if read is None:
        raise not_found(f"read {number}")
    if read.state != State.REQUESTED:
        raise ProblemError(409, "Decided", f"{read} is {read.get_state_display().lower()}")
    if actor.person_id is None or read.person_id == actor.person_id:
        raise ProblemError(403, "Not allowed", "a colleague has to approve it, signed in as a person")
    if seen_hash != hash_of(read):
        raise ProblemError(409, "Changed", f"{read} is not what you looked at; look again")
    read.state = State.APPROVED if approve else State.REJECTED
    read.decided_by_id, read.decided_name, read.decided_hash = actor.person_id, actor.name, hash_of(read)
    read.message = note
    read.expires_at = clock.now() + timedelta(hours=current().sql_approval_hours)
    read.save()
    _note(actor, read, "approve" if approve else "reject", note=note)
    return read


def cancel(actor: Actor, token: str) -> bool:
    """Stop one's own read on the server; a maintainer stops those of others. Whether it was still running."""
    read = visible(actor).filter(token=token).first()
    if read is None:
        raise not_found("such read")
    if read.person_id != actor.person_id or read.person_name != actor.name:
        require(actor, Right.MAINTAIN)
    if read.state != State.RUNNING:
        return False
    Read.objects.filter(pk=read.pk).update(cancelled_name=actor.name)
    _note(actor, read, "cancel")
    return running.stop(read.connection, token, read.server_id)


def pin(actor: Actor, read: Read, incident: int, title: str, found: tuple[Reading, list[list[Any]]]) -> Evidence:
    """Keep an answer as it was with an incident: hashed, and in its timeline."""
    require(actor, Right.RESPOND)
    reading, rows = found
    if not Incident.objects.filter(pk=incident).exists():
        raise bad_request(f"there is no incident {incident}", "incident")
    if len(rows) > current().sql_evidence_rows:
        raise bad_request(f"evidence has at most {current().sql_evidence_rows} rows; ask for fewer", "sql")
    title = " ".join(title.split()) or str(read)
    digest = hashlib.sha256(values.sealed(reading.names, rows)).hexdigest()
    with transaction.atomic():
        kept = Evidence.objects.create(
            incident_id=incident,
            read=read,
            title=title[:200],
            columns=[{"name": one.name, "type": one.type} for one in reading.fields],
            rows=[[values.plain(one) for one in row] for row in rows],
            cut=bool(reading.cut),
            digest=digest,
            pinned_name=actor.name,
            pinned_at=clock.now(),
        )
        timeline.record(
            incident, "evidence", f"pinned {len(rows)} rows: {kept.title}", actor.name, evidence=kept.pk, sha256=digest
        )
        audit.record(actor, "sql.pin", str(read), incident=incident, rows=len(rows), sha256=digest)
    return kept


def evidence(actor: Actor, incident: int) -> QuerySet[Evidence]:
    """What is pinned to an incident."""
    require(actor, Right.RESPOND)
    return Evidence.objects.filter(incident_id=incident).select_related("read__connection").order_by("pinned_at", "pk")


def intact(kept: Evidence) -> bool:
    """Whether evidence is what was pinned."""
    names = [one["name"] for one in kept.columns]
    return hashlib.sha256(values.sealed(names, kept.rows)).hexdigest() == kept.digest


def _note(actor: Actor, read: Read, action: str, **detail: Any) -> None:
    audit.record(actor, f"sql.{action}", str(read), connection=read.connection.key, **detail)


def connection_of(actor: Actor, key: str) -> Connection:
    """One connection, for faces that show it."""
    return connections.get(actor, key)
