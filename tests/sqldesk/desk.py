"""A desk in front of a database: its connection, its people, and the way of a correction from draft to done."""

from collections.abc import Sequence
from typing import Any

from mainstay.catalog.models import Service
from mainstay.core.access import Actor, of_person
from mainstay.core.models import Person
from mainstay.restore.sqldesk.correct import execution, facts, services
from mainstay.restore.sqldesk.models import Connection, Correction
from tests.sqldesk.databases import Database


def person(who: str) -> Actor:
    """Somebody of the company."""
    return of_person(Person.objects.get(email=f"{who}@x.example"))


def connect(database: Database, **fields: Any) -> Connection:
    """A connection to a test database."""
    target = database.target
    address = target.database
    if target.dialect != "sqlite":
        address = f"{target.user}@{target.host}:{target.port}/{target.database}"
    values = {"statement_timeout": 20, "lock_timeout": 3, **fields}
    made = Connection.objects.create(
        key="shop", name="Shop", dialect=target.dialect, address=address, environment="production", **values
    )
    made.services.add(Service.objects.get(key="pay"))
    return made


def draft(*statements: str, rows: int | None, **fields: Any) -> Correction:
    """A draft by Ben."""
    wanted = {"title": "Fix", "reason": "They were wrong", "statements": list(statements), "expected_rows": rows}
    return services.propose(person("ben"), "shop", {**wanted, **fields})


def approved(correction: Correction) -> Correction:
    """Previewed and asked for by Ben, approved by Ana."""
    ben, ana = person("ben"), person("ana")
    seen = services.preview(ben, correction.pk)
    assert seen.preview["problems"] == [], seen.preview
    services.request(ben, correction.pk)
    services.approve(ana, correction.pk, facts.hash_of(services.get(ana, correction.pk)))
    return services.get(ben, correction.pk)


def started(correction: Correction) -> Correction:
    """Approved and handed to the worker."""
    approved(correction)
    services.start(person("ben"), correction.pk)
    return services.get(person("ben"), correction.pk)


def work() -> None:
    """What the worker does, in this thread."""
    while (pk := execution.claim()) is not None:
        execution.carry(pk)


def done(correction: Correction) -> Correction:
    """Carried out, whatever came of it."""
    started(correction)
    work()
    return services.get(person("ben"), correction.pk)


def undone(correction: Correction, accepted: Sequence[str] = ()) -> Correction:
    """An undo of it, carried out."""
    undo = services.propose_undo(person("ben"), correction.pk, "It was wrong after all")
    if accepted:
        services.accept_rows(person("ben"), undo.pk, accepted)
    return done(undo)
