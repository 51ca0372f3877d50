"""Patterns become one expression of the engine that takes linear time; what it cannot do is refused with its place."""

import re
import time
from contextlib import suppress

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mainstay.observe.logs.formats.draft import draft
from mainstay.observe.logs.formats.names import NAMES
from mainstay.observe.logs.formats.pattern import FormatError, Limits, Pattern, parse

pytestmark = pytest.mark.once

# Of each name: texts that it stands for, and texts that it does not.
MEANINGS = {
    "IP": (
        ["10.0.0.1", "255.255.255.255", "::1", "::", "::ffff:10.0.0.1", "fe80::1:2", "2001:db8:0:0:0:0:2:1"],
        ["x", "a.b"],
    ),
    "IPORHOST": (["10.0.0.1", "db-1.internal"], ["/"]),
    "HOSTNAME": (["db-1.internal", "localhost"], ["-", " "]),
    "NUMBER": (["12", "-1.5", ".5", "3e8"], ["x", "-"]),
    "INT": (["12", "-3", "+4"], ["x", ".5"]),
    "WORD": (["job_7"], ["-", ""]),
    "NOTSPACE": (["a,b;c"], [" ", ""]),
    "DATA": (["", "a b"], []),
    "GREEDYDATA": (["", "a b"], []),
    "QUOTEDSTRING": (['"a \\" b"', "'x'"], ["a", '"open']),
    "UUID": (["5b2f0d3e-1111-2222-3333-444455556666"], ["5b2f0d3e-1111"]),
    "PATH": (["/srv/a.log", "C:\\logs\\a.log"], ["srv"]),
    "URI": (["https://a.example:8080/x/y?z=1", "jdbc://db/x"], ["a.example"]),
    "TIMESTAMP_ISO8601": (["2026-01-31T03:04:05.123Z", "2026-01-31 03:04:05,1"], ["31.01.2026"]),
    "HTTPDATE": (["31/Jan/2026:03:04:05 +0000"], ["2026-01-31"]),
    "SYSLOGTIMESTAMP": (["Jan 31 03:04:05", "Feb  1 03:04:05"], ["31 Jan"]),
    "LOGLEVEL": (["INFO", "warn", "Error"], ["x"]),
    "MAC": (["00:1b:63:84:45:e6"], ["00:1b"]),
    "EMAILADDRESS": (["a.b@c.example"], ["a@"]),
    "TIME": (["03:04:05.5", "3:04"], ["25"]),
    "DATE": (["2026-01-31", "31.01.2026"], ["x"]),
}


def parts(pattern: Pattern, text: str) -> dict[str, str] | None:
    """The named parts of a text that fits, by the engine of intake."""
    found = pl.Series([text]).str.extract_groups(pattern.expression("whole")).struct.unnest().row(0, named=True)
    return None if found["whole"] is None else {one.name: found[one.group] for one in pattern.fields}


@pytest.mark.parametrize("name", NAMES)
def test_every_name_can_be_used(name: str) -> None:
    assert parse(f"%{{{name}:x}}").fields[0].name == "x"


@pytest.mark.parametrize("name", MEANINGS)
def test_names_mean_what_they_say(name: str) -> None:
    pattern, (good, bad) = parse(f"<%{{{name}:x}}>$"), MEANINGS[name]
    assert [parts(pattern, f"<{text}>") for text in good] == [{"x": text} for text in good]
    assert [parts(pattern, f"<{text}>") for text in bad] == [None] * len(bad)


def test_names_types_and_groups_of_a_pattern() -> None:
    pattern = parse(r"%{IP:client.address} %{NUMBER:ms:float} (?<job>%{WORD}-%{INT:run:int}) (a|b)\d", {})
    assert [(one.name, one.type) for one in pattern.fields] == [
        ("client.address", "text"), ("ms", "float"), ("job", "text"), ("run", "int"),
    ]  # fmt: skip
    assert parts(pattern, "10.0.0.1 1.5 nightly-7 b9") == {
        "client.address": "10.0.0.1", "ms": "1.5", "job": "nightly-7", "run": "7",
    }  # fmt: skip


def test_a_pattern_may_define_names_of_its_own_and_say_others_anew() -> None:
    own = {"BATCH": "B-%{DAYS:day:int}", "DAYS": r"\d{3}", "WORD": "[a-z]+"}
    assert parts(parse("%{BATCH:batch} %{WORD:w}", own), "B-041 ab1") == {"batch": "B-041", "day": "041", "w": "ab"}


def test_a_field_may_stand_in_both_parts_of_a_choice() -> None:
    pattern = parse("(?:id=%{INT:id}|%{UUID:id}) x")
    assert [one.name for one in pattern.fields] == ["id", "id"]


@pytest.mark.parametrize(
    ("text", "at", "says"),
    [
        ("a(?=b)", 1, "lookahead"),
        ("a(?!b)", 1, "lookahead"),
        ("(?<=a)b", 0, "lookbehind"),
        ("(?<!a)b", 0, "lookbehind"),
        (r"(a)\1", 3, "backreference"),
        (r"(?<x>a)\k<x>", 7, "backreference"),
        ("(?P<x>a)(?P=x)", 8, "backreference"),
        ("(?>a)", 0, "(?:…)"),
        ("a++b", 2, "leave the second sign out"),
        (r"a\Z", 1, "write $"),
        ("(?#x)a", 0, "comment"),
        ("(?(1)a|b)", 0, "condition"),
        ("a(?i)b", 1, "(?i:…)"),
        ("%{IPP:x}", 0, "did you mean IP"),
        ("%{INT:a b}", 0, "no name of a field"),
        ("%{INT:a:double}", 0, "int, float, text"),
        ("%{INT", 0, "names nothing"),
        ("%{INT:x:int}%{INT:x:float}", 12, "one type"),
        ("(a", 0, "not closed"),
        ("a)", 1, "closes nothing"),
        ("[a", 0, "begins no set"),
        ("*a", 0, "repeats nothing"),
        ("a\\", 1, "backslash"),
        ("a\nb", None, "one line"),
        (" ", None, "there is none"),
        ("[b-a]", None, "cannot be compiled"),
    ],
)
def test_what_cannot_be_done_is_refused_with_its_place_and_a_remedy(text: str, at: int | None, says: str) -> None:
    with pytest.raises(FormatError, match=re.escape(says)) as caught:
        parse(text)
    assert (caught.value.at, caught.value.field) == (at, "pattern")


def test_what_is_wrong_in_a_name_of_its_own_is_said_there() -> None:
    with pytest.raises(FormatError, match="character 3: lookahead") as caught:
        parse("%{A:x}", {"A": "ab(?=c)"})
    assert caught.value.field == "patterns.A"
    with pytest.raises(FormatError, match="stands for itself"):
        parse("%{A}", {"A": "%{B}", "B": "x%{A}"})


@pytest.mark.parametrize(
    "text", ["(a{1000}){1000}", "((a{99}){99}){99}", r"\pL{500}", "%{URI}" * 20, "(?:" * 600 + ")" * 600, "x" * 2001]
)
def test_what_would_become_too_large_is_refused_before_it_does(text: str) -> None:
    with pytest.raises(FormatError):
        parse(text)


def test_limits_hold() -> None:
    with pytest.raises(FormatError, match="more than 2 named parts"):
        parse("(?<a>.)(?<b>.)(?<c>.)", {}, Limits(groups=2))
    with pytest.raises(FormatError, match="see log_format_signs"):
        parse("%{A}", {"A": "x" * 50}, Limits(signs=40))


@pytest.mark.parametrize("text", [r"(?:a+)+$", r"(?:a|a)*$", r"(?:.*a){12}$", r"%{DATA:x} %{DATA:y} %{DATA:z}!$"])
def test_no_line_makes_a_pattern_slow(text: str) -> None:
    line, pattern = "a " * 2000 + "a" * 96, parse(text)
    began = time.process_time()
    pl.Series([line] * 20).str.extract_groups(pattern.expression("whole"))
    assert time.process_time() - began < 5


SAMPLES = [(name, good) for name, (good, _) in MEANINGS.items() if name not in {"DATA", "GREEDYDATA", "NOTSPACE"}]
LITERAL = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=8)
PART = st.sampled_from(SAMPLES).flatmap(lambda one: st.tuples(st.just(one[0]), st.sampled_from(one[1])))


@given(st.lists(st.tuples(LITERAL, PART), min_size=1, max_size=6))
def test_what_is_built_from_names_and_text_fits_what_was_built_from_their_examples(
    made: list[tuple[str, tuple[str, str]]],
) -> None:
    text = "".join(re.escape(literal) + f" <%{{{name}:f{n}}}>" for n, (literal, (name, _)) in enumerate(made))
    line = "".join(f"{literal} <{sample}>" for literal, (_, sample) in made)
    pattern = parse(text)
    assert parts(pattern, line) == {f"f{n}": sample for n, (_, (_, sample)) in enumerate(made)}
    # Where a pattern is cut, its beginning fits as well.
    for count in range(len(pattern.elements)):
        assert pl.Series([line]).str.contains(pattern.first(count).expression()).all()


@given(st.text(max_size=60))
@example("(?P<")
@example("[[:alpha:]")
@example("%{%{INT}}")
@example("a{1}{2}")
def test_any_text_is_a_pattern_or_is_refused(text: str) -> None:
    with suppress(FormatError):
        pl.Series(["x", ""]).str.contains(parse(text).expression())


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200))
@example("2026-01-31 03:04:05,123 INFO job=nightly rows=12 from 10.0.0.1 'a b' closing the batch now")
@example("%{INT} {x} \\ ($")
@example("time=1 time=2 2026-01-31T03:04:05Z message=x")
def test_a_draft_fits_its_line(line: str) -> None:
    pattern = parse(draft(line))
    assert parts(pattern, line.partition("\n")[0]) is not None
    assert pattern.fields


def test_a_draft_takes_apart_what_varies() -> None:
    line = "2026-01-31 03:04:05 INFO job=nightly took 35 ms, rows 7 from 10.0.0.1 and all went quite well"
    assert draft(line) == (
        "%{TIMESTAMP_ISO8601:time} %{LOGLEVEL:level} job=%{NOTSPACE:job} took %{INT:took:int} ms, rows "
        "%{INT:rows:int} from %{IP:ip} %{GREEDYDATA:message}"
    )
