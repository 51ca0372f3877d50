"""The query language: what it means, what it refuses and where, and that text and tree say the same."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mainstay.observe.logs.search.lexer import QueryError
from mainstay.observe.logs.search.parser import parse
from mainstay.observe.logs.search.query import (
    And,
    Between,
    Compare,
    Everything,
    Exists,
    Field,
    Glob,
    Node,
    Not,
    Or,
    Regex,
    Text,
    joined,
    text_of,
)

pytestmark = pytest.mark.once


@pytest.mark.parametrize(
    ("text", "tree"),
    [
        ("", Everything()),
        (" * ", Everything()),
        ("timeout", Text("timeout")),
        ("provider timeout", And((Text("provider"), Text("timeout")))),
        ("a AND b OR c", Or((And((Text("a"), Text("b"))), Text("c")))),
        ("a && b || c", Or((And((Text("a"), Text("b"))), Text("c")))),
        ('"connection refused"', Text("connection refused")),
        (r'"say \"no\" \ now"', Text(r'say "no" \ now')),
        ("time*", Glob(("time", ""))),
        ("*abc*", Glob(("", "abc", ""))),
        (r"5\*3", Text("5*3")),
        ("-debug", Not(Text("debug"))),
        ("NOT debug", Not(Text("debug"))),
        ("a -b", And((Text("a"), Not(Text("b"))))),
        ("order-12", Text("order-12")),
        ("(a OR b) c", And((Or((Text("a"), Text("b"))), Text("c")))),
        ("level:error", Field("level", Text("error"))),
        ("level:>=warning", Field("level", Compare(">=", "warning"))),
        ("level:(error OR fatal)", Or((Field("level", Text("error")), Field("level", Text("fatal"))))),
        ("level:(-debug -trace)", And((Not(Field("level", Text("debug"))), Not(Field("level", Text("trace")))))),
        ("duration_ms:>5", Field("duration_ms", Compare(">", "5"))),
        ("shift:>=-5.5", Field("shift", Compare(">=", "-5.5"))),
        ("n:[1 TO 5]", Field("n", Between("1", "5"))),
        ("n:[-1 TO *]", Field("n", Between("-1", "*"))),
        ("trace:*", Field("trace", Exists())),
        ("service:pay*", Field("service", Glob(("pay", "")))),
        ('"cart id":7', Field("cart id", Text("7"))),
        ("http.status:500", Field("http.status", Text("500"))),
        ("host:db-1:5432", Field("host", Text("db-1:5432"))),
        ("/time ?out/", Regex("time ?out")),
        (r"/a\/b\d/", Regex(r"a/b\d")),
        ("frame:/Cart.*/", Field("frame", Regex("Cart.*"))),
        ("/api/v1/orders", Text("/api/v1/orders")),
        ("12:30:05", Text("12:30:05")),
        ("http://host/path?a=1", Text("http://host/path?a=1")),
        ("key=value", Text("key=value")),
    ],
)
def test_what_a_query_means(text: str, tree: Node) -> None:
    assert parse(text) == tree
    assert parse(text_of(tree)) == tree


@pytest.mark.parametrize(
    ("text", "at", "said"),
    [
        ('a "b', 2, "quotes are not closed"),
        ("(a OR b", 0, "not closed"),
        ("a)", 1, "closes nothing"),
        ("a OR", 4, "ends too early"),
        ("OR a", 0, 'write "OR"'),
        ("()", 0, "nothing between"),
        ("a *", 2, "a star alone"),
        ("level:", 6, "a value is missing"),
        ("Error: refused", 6, "in quotes"),
        ("n:[1 5]", 5, "TO, as in [1 TO 5]"),
        ("n:[1 TO 5", 9, "ends too early"),
        ("n:>", 3, "a value is missing"),
        ("--force", 0, "in quotes"),
        ('""', 0, "nothing between the quotes"),
        ("(" * 80 + "a" + ")" * 80, 60, "levels of brackets"),
        ("a" * 9000, 2000, "longer than"),
    ],
)
def test_what_it_refuses_and_where(text: str, at: int, said: str) -> None:
    with pytest.raises(QueryError) as caught:
        parse(text)
    assert caught.value.at == at
    assert said in str(caught.value)


texts = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12)
values = texts.map(Text)
globs = st.lists(st.text(max_size=6), min_size=2, max_size=4).filter(any).map(lambda parts: Glob(tuple(parts)))
regexes = st.sampled_from(["a/b", r"\d+ ms", "x|y", r"a\/b", r"end\\", "[()] "]).map(Regex)
sides = st.one_of(st.just("*"), st.integers().map(str), st.floats(allow_nan=False, allow_infinity=False).map(str))
compares = st.builds(Compare, st.sampled_from(["<", "<=", ">", ">="]), st.one_of(st.integers().map(str), texts))
tests = st.one_of(values, globs, regexes, st.just(Exists()), compares, st.builds(Between, sides, sides))
leaves = st.one_of(values, globs, regexes, st.builds(Field, texts, tests))


def trees(below: st.SearchStrategy[Node]) -> st.SearchStrategy[Node]:
    several = st.lists(below, min_size=2, max_size=4)
    return st.one_of(
        below.map(Not), several.map(lambda parts: joined(And, parts)), several.map(lambda parts: joined(Or, parts))
    )


@given(st.recursive(leaves, trees, max_leaves=12))
@example(Text("&&"))
@example(Field("level", Compare(">", "||")))
def test_text_and_tree_say_the_same(tree: Node) -> None:
    # An escaped slash and a slash are one and the same expression.
    assert parse(text_of(tree)) == parse(text_of(parse(text_of(tree))))
    if r"\/" not in repr(tree).replace(r"\\", "\\"):
        assert parse(text_of(tree)) == tree


@given(st.text(max_size=40))
def test_whatever_is_typed_is_read_or_refused_inside_the_text(text: str) -> None:
    try:
        tree = parse(text)
    except QueryError as error:
        found = 0 <= error.at <= len(text) and bool(error.expected or error.remedy)
    else:
        found = parse(text_of(tree)) == tree
    assert found
