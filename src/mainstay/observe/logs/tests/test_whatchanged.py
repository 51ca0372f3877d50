"""What changed in stored logs: a real engine, half an hour of a shop, and a failure."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from tests import engine

from mainstay.core.access import LOCAL
from mainstay.observe.logs import registry, services
from mainstay.observe.logs import whatchanged as what
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.logs.models import Pattern

pytestmark = [pytest.mark.django_db, pytest.mark.once]
START = datetime(2026, 3, 1, 10, 0, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def running() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture(autouse=True)
def _night() -> None:
    """Charges each second for 40 minutes; after 30 they are slow, errors come, and the mailer falls silent."""
    registry.forget()
    engine.empty()
    lines: list[tuple[float, int, str, str]] = []
    for second in range(2400):
        late = second >= 1800
        lines.append((second, 0, "info", f"charge {second} took {3000 if late else 40 + second % 9} ms"))
        if late and second % 5 == 0:
            lines.append((second, 0, "error", f"provider timeout for order {second}"))
        if not late and second % 20 == 0:
            lines.append((second, 1, "info", f"mail {second} sent"))
    services.accept(
        Lines(
            [Origin("payments", "p", "test"), Origin("mailer", "m", "test")],
            [which for _, which, _, _ in lines],
            [body for _, _, _, body in lines],
            [int((START + timedelta(seconds=second)).timestamp() * 1e6) for second, _, _, _ in lines],
            [level for _, _, level, _ in lines],
            whole=True,
        )
    )
    engine.settle()


def found(baseline: str = "before", released: datetime | None = None) -> what.WhatChanged:
    window = what.Window(START + timedelta(minutes=30), START + timedelta(minutes=40))
    return what.what_changed(LOCAL, ["payments", "mailer"], window, baseline, released)


def test_the_new_error_comes_first_with_its_line_and_what_moved_and_fell_silent_follow() -> None:
    told = found()
    first = told.changes[0]
    assert (first.kind, first.service, first.level, first.during) == ("new", "payments", "error", 120)
    assert first.template == "provider timeout for order <*>"
    assert first.example.startswith("provider timeout for order ")
    kinds = {one.kind: one for one in told.changes}
    moved = kinds["moved"].moved
    assert moved
    assert float(moved.during) == 3000
    assert kinds["silent"].service == "mailer"


def test_a_baseline_that_began_later_is_held_to_what_it_knows() -> None:
    window = what.Window(START + timedelta(minutes=10), START + timedelta(minutes=20))
    assert [one.kind for one in what.what_changed(LOCAL, ["payments"], window).changes] == []


def test_before_a_release_is_the_time_before_it() -> None:
    told = found("release", released=START + timedelta(minutes=20))
    assert told.before.end == START + timedelta(minutes=20)
    assert told.changes[0].template == "provider timeout for order <*>"


def test_with_nothing_to_compare_with_what_is_grave_is_told_and_nothing_is_called_new_that_may_not_be() -> None:
    told = found("week")
    assert told.nothing_before
    assert [one.template for one in told.changes] == ["provider timeout for order <*>"]


def test_patterns_that_were_merged_are_counted_as_one() -> None:
    rows = {row.template: row for row in Pattern.objects.all()}
    error, charge = rows["provider timeout for order <*>"], rows["charge <*> took <*> ms"]
    Pattern.objects.filter(pk=error.pk).update(merged_into=charge)
    assert error.pk not in {one.pattern for one in found().changes}


def test_a_baseline_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="baseline"):
        found("yesterday")
