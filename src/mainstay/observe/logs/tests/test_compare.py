"""What changed between two windows, in the order in which a person would want to hear it."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.logs import compare


def counts(**lines: tuple[str, int]) -> pl.DataFrame:
    """Counts by name: level and lines. The pattern's number is the name's letter."""
    rows = [(ord(name[0]), "shop", level, number) for name, (level, number) in lines.items()]
    return pl.DataFrame(rows, schema=compare.COUNTS, orient="row")


def found(before: pl.DataFrame, during: pl.DataFrame, *seconds: float) -> list[tuple[str, str]]:
    ranked = compare.compare(before, during, *(seconds or (600, 600)))
    return [(chr(number), kind) for number, kind in ranked.select("pattern", "kind").iter_rows()]


def test_a_new_error_goes_before_more_traffic() -> None:
    before = counts(a=("info", 10_000), b=("info", 400))
    during = counts(a=("info", 16_000), b=("info", 410), c=("error", 30))
    assert found(before, during)[0] == ("c", "new")
    assert ("b", "more") not in found(before, during)


def test_what_stopped_is_told() -> None:
    assert found(counts(a=("info", 500), b=("info", 500)), counts(a=("info", 500))) == [("b", "gone")]


def test_windows_of_different_length_are_compared_by_rate() -> None:
    assert found(counts(a=("info", 6000)), counts(a=("info", 1000)), 3600, 600) == []
    assert found(counts(a=("info", 6000)), counts(a=("info", 6000)), 3600, 600) == [("a", "more")]


def test_a_window_without_length_is_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        compare.compare(counts(), counts(), 0, 10)


@given(st.integers(0, 5000), st.integers(1, 3600))
def test_nothing_changes_when_nothing_changes(lines: int, seconds: int) -> None:
    same = counts(a=("error", lines))
    assert found(same, same, seconds, seconds) == []


def test_a_duration_that_grew_has_moved() -> None:
    before = pl.Series([f"charge took {40 + n % 7} ms via {'visa' if n % 2 else 'amex'}" for n in range(50)])
    during = pl.Series([f"charge took {3000 + n % 90} ms via visa" for n in range(50)])
    (first, *_) = compare.moved(before, during, "charge took <*> ms via <*>")
    assert first.place == 0
    assert first.ratio > 50


def test_a_name_that_was_not_there_before_has_moved() -> None:
    before = pl.Series([f"connect to db-{n % 2}a now" for n in range(40)])
    during = pl.Series(["connect to db-9x now"] * 40)
    (first,) = compare.moved(before, during, "connect to <*> now")
    assert (first.share, first.during) == (1.0, "db-9x")


def test_running_numbers_do_not_move() -> None:
    before, during = (pl.Series([f"order {n} paid" for n in range(start, start + 50)]) for start in (100, 900))
    assert compare.moved(before, during, "order <*> paid") == ()


@given(st.text(alphabet="ab.*+?()[]{}|^$\\ <>\t-", max_size=20))
def test_any_template_makes_an_expression(text: str) -> None:
    lines = pl.Series([f"{text} 1"] * 6)
    assert compare.moved(lines, lines, f"{text} <*>") == ()
