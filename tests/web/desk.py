"""A database at the SQL desk with reads, a saved query, one that waits for approval, and evidence."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path


def connected() -> None:
    """Make all of it, in a file beside the installation's own."""
    from mainstay.core.access import of_person
    from mainstay.core.models import Person
    from mainstay.respond.incidents.models import Incident
    from mainstay.restore.sqldesk.examine import saved, services
    from mainstay.restore.sqldesk.models import Connection

    path = Path(os.environ["MAINSTAY_DATA"]) / "shop.sqlite3"
    with closing(sqlite3.connect(path)) as shop:
        shop.execute(
            "CREATE TABLE payments (id INTEGER PRIMARY KEY, order_id INTEGER, amount REAL, card TEXT, note TEXT)"
        )
        rows = [(one, 880_000 + one, one * 1.5, f"41111111{one:08}", None) for one in range(1, 301)]
        shop.executemany("INSERT INTO payments VALUES (?, ?, ?, ?, ?)", rows)
        shop.commit()
    masks = [{"column": "card", "show": "last4"}]
    Connection.objects.create(key="shop", name="Shop", dialect="sqlite", address=str(path), masks=masks)
    Connection.objects.create(
        key="ledger", name="Ledger", dialect="sqlite", address=str(path), environment="test", sensitive=True
    )
    ana, ben = (of_person(Person.objects.get(email=f"{who}@example.com")) for who in ("ana", "ben"))
    specs = [{"name": "order", "type": "whole", "source": "label.order"}]
    saved.save(ana, "Payments of an order", "shop", "SELECT * FROM payments WHERE order_id = :order", specs)
    read = services.begin(ana, "shop", "SELECT * FROM payments WHERE id < 4")
    services.begin(ben, "ledger", "SELECT card FROM payments WHERE id = 7", reason="A customer asks for a receipt")
    at = Incident.objects.latest("pk").pk
    read, reading, found = services.run(ana, read)
    services.pin(ana, read, at, "Payments that failed", (reading, found))
