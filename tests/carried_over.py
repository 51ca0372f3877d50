"""What was counted before matches were rows is carried over: a program, which begins with an empty database."""

import json
from datetime import UTC, datetime
from typing import Any

from tests import environment

BEFORE = [("catalog", "0003_calendar"), ("incidents", "0001_initial"), ("timeline", "0001_initial")]
AFTER = [("catalog", "0004_known_errors"), ("incidents", "0002_known_error_matches")]
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def _migrated(to: list[tuple[str, str]]) -> Any:
    from django.db import connection
    from django.db.migrations.executor import MigrationExecutor

    MigrationExecutor(connection).migrate(to)
    return MigrationExecutor(connection).loader.project_state(to).apps


def main() -> None:
    """Write rows as the version before did, take the migrations, and print what came of them."""
    apps = _migrated(BEFORE)
    known = apps.get_model("catalog", "KnownError")
    service = apps.get_model("catalog", "Service").objects.create(key="pay", name="Pay")
    one = known.objects.create(key="KE-1", name="One", workaround="Do it.", times_used=2, times_worked=1)
    one.services.add(service)
    known.objects.create(key="KE-2", name="Two", workaround="Do it.")
    for number in (1, 2):
        incident = apps.get_model("incidents", "Incident").objects.create(
            title="Slow",
            priority=1,
            impact="high",
            urgency="high",
            started_at=NOW,
            opened_at=NOW,
            known_error=one,
            known_error_why="service pay, rule slow",
        )
        if number == 2:
            entry = apps.get_model("timeline", "TimelineEntry")
            text = "The workaround of KE-1 helped"
            entry.objects.create(incident=incident, at=NOW, kind="known_error", actor="Ana", text=text)
    apps = _migrated(AFTER)
    known, match = apps.get_model("catalog", "KnownError"), apps.get_model("incidents", "KnownErrorMatch")
    rows = match.objects.order_by("pk").values_list("known_error__key", "kind", "verdict", "judged_by", "parts")
    scoped = dict(known.objects.values_list("key", "scoped"))
    # This version writes no counts: the columns take their default.
    known.objects.create(key="KE-3", name="Three", workaround="Do it.")
    print(json.dumps({"matches": list(rows), "scoped": scoped}))


if __name__ == "__main__":
    import django

    assert environment
    django.setup()
    main()
