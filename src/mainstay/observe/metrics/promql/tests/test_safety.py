"""What is refused, and that nothing a user writes becomes SQL."""

from __future__ import annotations

import pytest

from mainstay.observe.metrics.promql import (
    Limits,
    PromQLError,
    Threshold,
    Unsupported,
    compile_query,
    split_threshold,
)

from .database import Database, key

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("expr", "construct"),
    [
        ("m @ -10", "@"),
        ("m[5m:1m] @ end()", "range vector"),
        ("max_over_time(rate(m[1m])[5m:1m])", "subquery"),
        ("absent_over_time(m[5m:1m])", "subquery"),
        ("limitk(1, m)", "limitk"),
        ("limit_ratio(0.5, m)", "limit_ratio"),
        ("info(m)", "info"),
        ("histogram_count(m)", "histogram_count"),
        ("m[5m] smoothed", "smoothed"),
        ("rate(m[5m] anchored)", "anchored"),
        ("rate(m[5m * 2])", "duration expression"),
        ("m + fill(0) m", "fill"),
        ("m + on(a) group_left fill_right(1) m", "fill"),
        ('m{a="1" or b="2"}', "or"),
        ("m[5m]", "range vector"),
        ('m{a="\\xff"}', "bytes"),
        ('m{a=~"\\\\Qa\\\\E"}', "regex|\\\\Q"),
        ('label_replace(m, "a", "$x", "b", "(?P<x>.*)")', "named group"),
    ],
)
def test_a_construct_outside_the_scope_is_refused_and_named(expr: str, construct: str) -> None:
    with pytest.raises(PromQLError, match=construct):
        compile_query(expr, start_ms=0, end_ms=0, step_ms=1)


@pytest.mark.parametrize(
    "expr",
    [
        "rate(m)",
        "sum(",
        "1 > 2",
        '{a=""}',
        "holt_winters(m[5m], 0.1, 0.1)",
        'm{a=~"("}',
        'm{a=~"x)|(y"}',
        'label_replace(m, "", "", "", "")',
        'label_replace(m, "\\xff", "", "a", "(.*)")',
        "topk(NaN, m)",
    ],
)
def test_a_wrong_expression_is_an_error_and_not_a_refusal(expr: str) -> None:
    with pytest.raises(PromQLError) as caught:
        compile_query(expr, start_ms=0, end_ms=0, step_ms=1)
    assert not isinstance(caught.value, Unsupported)


def test_limits_hold_before_anything_runs() -> None:
    with pytest.raises(PromQLError, match="points"):
        compile_query("m", start_ms=0, end_ms=20_000, step_ms=1)
    with pytest.raises(PromQLError, match="nested"):
        compile_query("-" * 60 + "m", start_ms=0, end_ms=0, step_ms=1, limits=Limits(max_depth=20))
    with pytest.raises(PromQLError, match="longer"):
        compile_query("m" * 30_000, start_ms=0, end_ms=0, step_ms=1)


@pytest.mark.parametrize(
    "value",
    [
        "'",
        "\\",
        "\\'",
        "') OR 1=1 --",
        "a'b\\'c",
        "'; DROP TABLE samples; --",
        "line\nbreak",
        "nul\x00",
        "tab\t",
        "Grüße 日本 \U0001f600",
        "{x:String}",
        "%s {0}",
        "now ts $1 k w",
    ],
)
def test_no_text_of_a_user_gets_out_of_its_literal(db: Database, value: str) -> None:
    db.add("m", {"a": value, "b": "plain"}, [(0, 1)])
    db.add("m", {"a": "other"}, [(0, 2)])
    quoted = '"' + "".join(f"\\U{ord(char):08x}" if ord(char) > 127 else _escaped(char) for char in value) + '"'
    pattern = '"' + "".join(_escaped(char) for char in _regex_escaped(value)) + '"'
    expected = {key(name="m", a=value, b="plain"): 1.0}
    assert db.instant(f"m{{a={quoted}}}", 0) == expected
    assert db.instant(f"m{{a=~{pattern}}}", 0) == expected
    assert db.instant(f"m{{a!={quoted}}}", 0) == {key(name="m", a="other"): 2.0}
    assert db.instant(f"absent(nope{{a={quoted}}})", 0) == {key(a=value): 1.0}
    replaced = db.instant(f'label_replace(m{{b="plain"}}, "c", {quoted.replace("$", "$$")}, "b", "plain")', 0)
    assert replaced == {key(name="m", a=value, b="plain", c=value): 1.0}
    joined = db.instant(f'label_join(m{{b="plain"}}, "c", {quoted}, "b", "b")', 0)
    assert joined == {key(name="m", a=value, b="plain", c=f"plain{value}plain"): 1.0}
    scalar = f"predict_linear(m[5m], scalar(m{{a={quoted}}}))"
    assert db.instant(scalar, 0) == {}


def _escaped(char: str) -> str:
    return {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\x00": "\\x00"}.get(char, char)


def _regex_escaped(value: str) -> str:
    return "".join("\\" + char if char in "\\.+*?()|[]{}^$" else char for char in value)


def test_an_error_of_the_database_is_not_taken_for_one_of_ours(db: Database) -> None:
    def run(statement: str, settings: dict[str, int | str]) -> list[tuple[object, ...]]:
        raise RuntimeError(f"Code: 60. DB::Exception: no table in scope {statement}")

    from mainstay.observe.metrics.promql import evaluate_instant

    with pytest.raises(RuntimeError):
        evaluate_instant(run, "-m", 0)


@pytest.mark.parametrize(
    ("expr", "expected"),
    [
        ("sum(rate(m[5m])) > 0.5", Threshold("sum(rate(m[5m]))", ">", 0.5)),
        ("(0.5 < m)", Threshold("m", ">", 0.5)),
        ("m <= -1", Threshold("m", "<=", -1.0)),
        ("m == 5 * 60", Threshold("m", "==", 300.0)),
        ("m > bool 1", None),
        ("m > n", None),
        ("m", None),
        ("m > 1 and n > 2", None),
    ],
)
def test_what_of_a_rule_to_draw(expr: str, expected: Threshold | None) -> None:
    assert split_threshold(expr) == expected
