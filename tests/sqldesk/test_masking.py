"""Which columns of an answer are hidden, whatever they are called."""

import pytest

from mainstay.restore.sqldesk.domain.masking import Mask, shown
from mainstay.restore.sqldesk.examine.masking import hidden

pytestmark = pytest.mark.once
MASKS = (Mask("email", "people"), Mask("card"))
PEOPLE = frozenset({"people"})


@pytest.mark.parametrize(
    ("sql", "fields"),
    [
        ("SELECT p FROM people p", "p"),
        ("SELECT row_to_json(p) FROM people p", "row_to_json"),
        ("SELECT to_jsonb(p.*) FROM people p", "to_jsonb"),
        ("SELECT * FROM (SELECT lower(email) FROM people) t", "lower"),
        ("SELECT x.* FROM people AS x(a, b)", "a b"),
        ("SELECT c FROM people AS x(a, b, c)", "c"),
        ("SELECT string_agg(email, ',') FROM people", "string_agg"),
        ("SELECT (SELECT p.email FROM people p LIMIT 1) AS z", "z"),
        ("WITH t AS (SELECT * FROM people) SELECT e AS q FROM t AS u(i, n, e)", "q"),
        ("SELECT json_agg(t) FROM (SELECT email FROM people) t", "json_agg"),
        ("SELECT j.value FROM people p, jsonb_each_text(to_jsonb(p)) j", "value"),
        ("SELECT v.* FROM people p, LATERAL (VALUES (p.email)) v(x)", "x"),
        ("SELECT u FROM people p, unnest(array[p.email]) u", "u"),
        ("SELECT most_common_vals FROM pg_stats WHERE attname = 'email'", "most_common_vals"),
        ("SELECT CASE WHEN email LIKE 'a%' THEN 1 END FROM people", "case"),
        ("TABLE people", "email card"),
    ],
)
def test_hidden(sql: str, fields: str) -> None:
    assert all(hidden(sql, "postgres", fields.split(), MASKS, PEOPLE))


@pytest.mark.parametrize(
    ("sql", "fields"),
    [
        ("SELECT id, name FROM people WHERE email = 'x'", "id name"),
        ("SELECT count(*), count(email) FROM people", "count count"),
        ("SELECT i.value FROM events e, jsonb_array_elements(e.payload) i", "value"),
        ("SELECT x FROM (SELECT count(*) FROM people) AS t(x)", "x"),
        ("SELECT * FROM generate_series(1, 3)", "generate_series"),
        ("SELECT d.day FROM generate_series(1, 3) AS d(day)", "day"),
    ],
)
def test_not_hidden(sql: str, fields: str) -> None:
    assert not any(hidden(sql, "postgres", fields.split(), MASKS, PEOPLE))


def test_a_rule_for_a_table_holds_for_that_table_and_for_what_may_show_it() -> None:
    sql = "SELECT email FROM staff"
    assert hidden(sql, "postgres", ["email"], MASKS, frozenset({"staff"})) == [None]
    assert all(hidden(sql, "postgres", ["email"], MASKS, None))


@pytest.mark.parametrize(
    ("show", "value", "seen"),
    [
        ("nothing", "secret", "•••"),
        ("last4", "4111111111111111", "•••1111"),
        ("last4", "12345", "•••"),
        ("nothing", None, None),
    ],
)
def test_what_is_seen(show: str, value: str | None, seen: str | None) -> None:
    assert shown(Mask("card", show=show), value) == seen
