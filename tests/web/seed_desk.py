"""A database beside the shop, with corrections in several states, for the screens of the SQL desk."""

import sqlite3
from pathlib import Path
from typing import Any


def desk() -> None:
    """One database, and a correction that waits for approval, one that is done, one that takes it back, and a draft."""
    from mainstay.config import services as config
    from mainstay.config.read import read
    from mainstay.core import access
    from mainstay.core.models import Person
    from mainstay.core.settings import current
    from mainstay.respond.incidents.models import Incident
    from mainstay.restore.sqldesk.correct import execution, facts, services

    path = Path(current().data_dir) / "orders.sqlite3"
    with sqlite3.connect(path) as shop:
        shop.execute("CREATE TABLE orders (id integer PRIMARY KEY, state text, amount numeric, card text, note text)")
        shop.execute(
            "CREATE TABLE items (id integer PRIMARY KEY, order_id integer REFERENCES orders (id) ON DELETE CASCADE)"
        )
        orders = [
            (number, "pending", number / 7, f"40001234{number}", f"row {number}") for number in range(880001, 880013)
        ]
        shop.executemany("INSERT INTO orders VALUES (?, ?, ?, ?, ?)", orders)
        shop.executemany("INSERT INTO items VALUES (?, ?)", [(item, 880001 + item % 12) for item in range(1, 31)])
    shop.close()
    text = f"""
connections:
  - {{key: orders, name: Orders, dialect: sqlite, address: {path}, services: [orders],
      masks: [{{column: card, show: last4}}]}}
"""
    config.apply(access.LOCAL, read([("databases.yaml", text)]))
    incident = Incident.objects.order_by("pk").values_list("pk", flat=True)[0]
    ben = access.of_person(Person.objects.get(email="ben@example.com"))
    ana = access.of_person(Person.objects.get(email="ana@example.com"))

    def draft(title: str, sql: str, rows: int, **more: Any) -> int:
        fields = {"title": title, "reason": "Reported by the warehouse at 03:10", "statements": [sql], **more}
        made = services.propose(ben, "orders", {**fields, "expected_rows": rows}, incident)
        services.preview(ben, made.pk)
        return int(made.pk)

    done = draft(
        "Release orders that were paid twice", "UPDATE orders SET state = 'paid', card = NULL WHERE id < 880004", 3
    )
    services.request(ben, done)
    services.approve(ana, done, facts.hash_of(services.get(ana, done)))
    services.start(ben, done)
    while (pk := execution.claim()) is not None:
        execution.carry(pk)
    waits = draft(
        "Take out test orders",
        "DELETE FROM orders WHERE id IN (:first, :second)",
        2,
        parameters={"first": 880010, "second": 880011},
        checks_after=["SELECT count(*) = 10 FROM orders"],
    )
    services.request(ben, waits)
    with sqlite3.connect(path) as shop:
        shop.execute("UPDATE orders SET note = 'shipped by hand' WHERE id = 880001")
        shop.execute("UPDATE orders SET state = 'refunded' WHERE id = 880002")
    shop.close()
    undo = services.propose_undo(ana, done, "The provider had refunded them already")
    services.preview(ana, undo.pk)
    draft("Mark late orders", "UPDATE orders SET note = 'late' WHERE state = 'pending'", 5)
