"""Patterns are written down, and known again by the next process."""

from datetime import UTC, datetime

import polars as pl
import pytest

from mainstay.observe.logs import registry
from mainstay.observe.logs.models import Pattern

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def frame(*bodies: str) -> pl.DataFrame:
    return pl.DataFrame({"body": bodies, "service": ["shop"] * len(bodies), "level": ["info"] * len(bodies)})


@pytest.mark.django_db
def test_a_pattern_has_the_same_number_after_a_restart() -> None:
    lines = frame("order 12 paid in 3.5 s", "order 13 paid in 4.5 s", "user= logged out")
    before = registry.tag(lines, NOW).to_list()
    rows = {row.id: row for row in Pattern.objects.all()}
    assert {rows[number].template for number in before} == {"order <*> paid in <*> s", "user= logged out"}
    assert {row.first_service for row in rows.values()} == {"shop"}
    registry.forget()
    assert registry.tag(lines, NOW).to_list() == before
    assert Pattern.objects.count() == len(rows)


@pytest.mark.django_db
def test_a_pattern_that_was_merged_leads_to_the_elder_after_a_restart() -> None:
    names = ("Alpha_x", "Beta_y", "Gamma_z", "Delta_q")
    numbers = [registry.tag(frame(f"cannot start module {name}Service now"), NOW)[0] for name in names]
    registry.forget()
    again = [registry.tag(frame(f"cannot start module {name}Service now"), NOW)[0] for name in names]
    assert set(again) == {numbers[0]}
    assert Pattern.objects.filter(merged_into=numbers[0]).exists()
