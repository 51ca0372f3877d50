"""Headers that are taken apart by kinds say what each of them says when it is taken apart by itself."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.logs.reading import headers
from mainstay.observe.logs.reading.heads import apart

_DIGIT = st.characters(codec="ascii", categories=["Nd"])


def _filled(layout: str) -> st.SearchStrategy[str]:
    """A layout with any digit in place of each 9, and any word in place of each @."""
    word = st.sampled_from(["shop", "Main", "org.example.Pay", "A1", "[9]", "INFO", "", " ", "é", "x=1", "2026"])
    parts = [_DIGIT if sign == "9" else word if sign == "@" else st.just(sign) for sign in layout]
    return st.tuples(*parts).map("".join)


_LAYOUTS = (
    "9999-99-99 99:99:99,999 INFO [@] org.example.@: @ 9",
    "9999-99-99 99:99:99.999  WARN 99 --- [ @] o.e.Shop : @",
    "2026-01-31T99:99:99Z @ @: 9",
    "[Sun Jan 31 99:99:99 2026] [core:error] [pid 99:tid 9] @",
    "01-31 99:99:99.999  1702  2395 D Some@ : @",
    "Jan 9 99:99:99 host-9 @[99]: @ 9",
    "<99>Jan 31 99:99:99 host daemon: @",
    "ERROR:org.example.@:@",
    "1999999999 9 node-9 @ 9",
    "20260131-99:99:99:999|Part|9999|@",
    "99/99/99 99:99:99 ERROR executor.Main: @",
    "@ 9999-99-99 99:99:99 DEBUG @ - @",
)
LINES = st.lists(st.one_of([_filled(layout) for layout in _LAYOUTS]), min_size=1, max_size=40)


@pytest.mark.parametrize("style", headers.STYLES, ids=lambda style: style.name)
@given(lines=LINES)
def test_a_kind_says_what_its_lines_say(style: headers.Style, lines: list[str]) -> None:
    bodies = pl.Series(lines, dtype=pl.String)
    bodies = bodies.filter(bodies.str.contains(style.expression))
    if not bodies.len():
        return
    each = bodies.str.slice(0, headers.HEAD).str.extract_groups(style.expression).struct.unnest()
    found = apart(bodies, style)
    assert found.head.to_list() == each["head"].to_list()
    of_kind = found.kinds.select(pl.all().gather(found.kind))
    for name in each.columns:
        if name not in {"head", "stamp"}:
            assert of_kind[name].to_list() == each[name].to_list(), name
    if "stamp" in each.columns:
        assert found.stamp.to_list() == each["stamp"].to_list()


def test_thousands_of_lines_of_few_kinds_are_asked_for_those_alone() -> None:
    lines = pl.Series([f"2026-01-31 03:04:{number % 60:02},123 INFO shop.Main: {number}" for number in range(5000)])
    found = apart(lines, headers.BY_NAME["level and logger"])
    assert found.kinds.height == 1
    assert found.stamp.n_unique() == 60
