"""Books as texts: read with line numbers, linted with remedies, shown safely, wrapped to the letter."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mainstay.restore.runbooks.book import call, compare, lint, page, wrap
from mainstay.restore.runbooks.book.inputs import InputError, checked
from tests.runbooks.shelf import step, text

pytestmark = pytest.mark.once


def problems(*steps: str, **front: str) -> list[str]:
    return [str(one) for one in lint.check(text(*steps, **front))[1]]


def test_a_book_is_what_is_written() -> None:
    book, found = lint.check(
        text(
            "Some prose.\n\n## Restart it",
            step(
                'shell id=restart timeout=1m30s expect="is up" undo=back secrets=A,B exit=0,3 with=sh',
                'echo "$INPUT_who"',
            ),
            step("shell id=back with=sh", "true"),
            step("bash", "an example, no step"),
            step("check id=up by=promql every=2s timeout=1m", 'up{job="pay"} == 1'),
            inputs="[{name: who, choices: [a, b], default: a}]",
            targets="{groups: [pay], max: 3}",
            verify="up",
            approval="second person",
            timeout="10m",
        )
    )
    assert book is not None, found
    restart = book.step("restart")
    assert (restart.title, restart.timeout, restart.expect, restart.exits) == ("Restart it", 90.0, "is up", (0, 3))
    assert (restart.secrets, restart.program, restart.each, restart.line) == (("A", "B"), "sh", True, 16)
    assert [one.id for one in book.main] == ["restart", "up"]
    assert (book.step("up").each, book.step("up").harmless, restart.harmless) == (False, True, False)
    assert (book.targets.most, book.timeout, book.changes) == (3, 600.0, True)


@pytest.mark.parametrize(
    ("steps", "front", "told"),
    [
        ([], {}, "1: there is no step"),
        ([step("shell id=a tmieout=3s", "true")], {}, "8: unknown option 'tmieout'; did you mean timeout?"),
        ([step("shell id=a timeout=soon", "true")], {}, "8: timeout=soon: write a duration such as 30s"),
        ([step("shell id=a", "true"), step("shell id=a", "true")], {}, "12: the id a stands twice"),
        ([step("shell", "true")], {}, "8: hint: give it an id"),
        ([step("shell id=a", "echo $INPUT_who")], {"inputs": "[{name: who}]"}, 'write "$INPUT_who" in quotation marks'),
        ([step("shell id=a", "echo '$INPUT_who' # $INPUT_who")], {"inputs": "[{name: who}]"}, ""),
        ([step("shell id=a", 'eval "$INPUT_who"')], {"inputs": "[{name: who}]"}, "9: eval makes code of an input"),
        ([step("shell id=a", 'echo "$INPUT_whom"')], {"inputs": "[{name: who}]"}, "it uses the input whom"),
        ([step("shell id=a", "echo {{ who }}")], {}, "8: hint: there are no templates"),
        ([step("shell id=a target=each", "true")], {}, "1: steps go to each target, but there are none"),
        ([step("shell id=a undo=b", "true")], {}, "8: undo=b: there is no other step"),
        ([step("shell id=a check=b", "true"), step("shell id=b", "true")], {}, "check=b: there is no check step"),
        ([step("shell id=a", "true")], {"verify": "b"}, "1: verify names 'b'"),
        ([step("shell id=a", "true")], {"services": "[]"}, "1: name under services what it changes"),
        ([step("sql id=a", "SELECT 1")], {}, "8: name the database: connection=KEY"),
        ([step("wait id=a", "a while")], {}, "8: a wait holds a duration"),
        ([step("http id=a", "url: https://{host}/x")], {}, "a host that no input decides"),
        ([step("http id=a", "url: https://x.example/\nquery: {k: {secret: K}}")], {}, "8: query: a secret"),
        ([step("sql id=a connection=x", "SELECT `a` FROM b WHERE c = :who")], {}, "it uses the input who"),
        ([step("http id=a", "url: https://x.example/{a}")], {}, "it uses the input a"),
        ([step("shell id=a with=perl", "true")], {}, "8: with=perl: write one of bash"),
        ([step("shell id=a", "true")], {"timeuot": "3s"}, "6: timeuot: unknown key, did you mean 'timeout'?"),
        ([step("shell id=a", "true")], {"inputs": "[{name: Who}]"}, "6: inputs.0.name: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_line_and_a_remedy(steps: list[str], front: dict[str, str], told: str) -> None:
    found = problems(*steps, **front)
    if told:
        assert any(told in one for one in found), found
    else:
        assert not any("quotation" in one for one in found), found


def test_a_text_without_front_matter_or_with_a_broken_one() -> None:
    assert "begin with front matter" in str(lint.check("# Hello")[1][0])
    assert "not YAML" in str(lint.check("---\nkey: [\n---\n")[1][0])
    assert lint.check("")[0] is None


@given(st.text())
def test_any_text_can_be_read(anything: str) -> None:
    for source in (anything, f"---\nkey: a\ntitle: b\n---\n{anything}"):
        book, problems = lint.check(source)
        # There is a book, or a reason why there is none.
        assert (book is None) == any(not one.hint for one in problems)


@given(st.text(alphabet="<>&\"'`\n abc#*[]()!:/", max_size=200))
@example("```")
def test_no_page_holds_markup_that_somebody_wrote(prose: str) -> None:
    hostile = "<script>alert(1)</script>\n\n[x](javascript:alert(1)) ![y](http://x/y.png)\n"
    # The step comes first: a fence that the prose opens would swallow it, and a book without a step is refused.
    source = text(step("check id=a", "<b>"), f"{prose}\n\n{hostile}")
    book, _ = lint.check(source)
    assert book is not None
    html = page.render(source, book)
    assert "<script" not in html
    assert "<img" not in html
    assert 'href="javascript' not in html
    assert "<code>&lt;b&gt;\n</code>" in html


def test_steps_are_numbered_for_whoever_follows_them_by_hand() -> None:
    source = text(step("shell id=a timeout=30s", "true"), "then", step("manual id=b", "Look."), approval="none")
    book, _ = lint.check(source)
    assert book is not None
    html = page.render(source, book)
    assert "<b>1.</b> a" in html
    assert "<b>2.</b> b" in html
    assert "at most 30 s" in html


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\r\0"), min_size=1, max_size=400))
def test_a_script_is_wrapped_to_the_letter(code: str) -> None:
    if not code.strip():
        return
    try:
        made = wrap.wrap("fix it.sh", "#!/bin/sh\n" + code, ("pay",))
    except wrap.WrapError:
        return
    book, found = lint.check(made)
    assert book is not None, found
    assert book.steps[0].text.rstrip("\n") == ("#!/bin/sh\n" + code).rstrip("\n")


@pytest.mark.parametrize(
    ("name", "content", "kind", "program"),
    [
        ("a.sh", "echo 1\n", "shell", "sh"),
        ("a", "#!/usr/bin/env bash\necho ```\n", "shell", "bash"),
        ("a.py", "print(1)\n", "python", "python3"),
        ("2.yml", "- hosts: all\n  tasks: []\n", "ansible", ""),
    ],
)
def test_what_can_be_wrapped(name: str, content: str, kind: str, program: str) -> None:
    book, _ = lint.check(wrap.wrap(name, content, ("pay",)))
    assert book is not None
    assert (book.steps[0].kind, book.steps[0].program, book.steps[0].text) == (kind, program, content)


def test_what_cannot_be_wrapped_says_why() -> None:
    with pytest.raises(wrap.WrapError, match="perl"):
        wrap.wrap("a.pl", "#!/usr/bin/perl\n")
    with pytest.raises(wrap.WrapError, match="no playbook"):
        wrap.wrap("a.yml", "a: b\n")


def test_inputs_are_checked() -> None:
    book, _ = lint.check(
        text(
            step("check id=a", 'echo "$INPUT_count" "$INPUT_name"'),
            inputs='[{name: count, type: whole, default: 3}, {name: name, pattern: "[a-z]+"}]',
        )
    )
    assert book is not None
    assert checked(book, {"name": "x"}) == {"count": "3", "name": "x"}
    for given_, name in (
        ({}, "name"),
        ({"name": "X"}, "name"),
        ({"name": "x", "count": "many"}, "count"),
        ({"no": "x"}, "no"),
    ):
        with pytest.raises(InputError) as refused:
            checked(book, given_)
        assert refused.value.name == name


HOSTILE = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        ["$(id)", "`id`", "{{ 7*7 }}", "'; DROP TABLE x; --", '"', "../../etc/passwd", "a&b=c#d?e", "\n", "%2e"]
    ),
)


@given(HOSTILE, HOSTILE)
def test_a_request_keeps_its_shape_whatever_the_values(one: str, other: str) -> None:
    from urllib.parse import parse_qs, unquote, urlsplit

    import orjson

    made = call.read_call(
        "url: https://x.example/a/{one}/b?fixed=1\nmethod: POST\nquery: {q: {input: other}}\n"
        "json: {k: {input: other}, list: [{input: one}]}\n"
    )
    values = {"one": one, "other": other}
    try:
        one.encode(), other.encode()
        filled = call.fill(made, values, values, {}, "")
    except (call.CallError, UnicodeEncodeError):
        assert one in {"", ".", ".."} or any(0xD800 <= ord(sign) < 0xE000 for sign in one + other)
        return
    parts = urlsplit(filled.url)
    assert parts.netloc == "x.example"
    assert parts.path.count("/") == 3
    assert unquote(parts.path.split("/")[2]) == one
    found = parse_qs(parts.query, keep_blank_values=True)
    assert found == {"fixed": ["1"], "q": [other]}
    assert filled.body is not None
    assert orjson.loads(filled.body) == {"k": other, "list": [one]}


def test_a_header_takes_one_line() -> None:
    made = call.read_call("url: https://x.example/\nheaders: {X-Who: {input: who}}\n")
    with pytest.raises(call.CallError, match="one line"):
        call.fill(made, {"who": "a\r\nX-Evil: 1"}, {}, {}, "")


def test_two_versions_are_compared() -> None:
    found = compare.lines("a\nb\nc\n", "a\nB\nc\n")
    assert [(one.kind, one.text) for one in found] == [
        ("gap", "…"), ("same", "a"), ("removed", "b"), ("added", "B"), ("same", "c")
    ]  # fmt: skip
    assert compare.lines("a\n", "a\n") == []
