"""What stands of an answer, and what is discarded however true it sounds."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.learn.assistant import domain
from mainstay.learn.assistant.domain import AnswerError, Citation, Exhibit, Statement

pytestmark = pytest.mark.once
LINES = '{"lines":[{"body":"provider timeout after 2000 ms","service":"payments"}]}'
SHOWN = (Exhibit("E1", "search_logs", {}, LINES), Exhibit("E2", "list_alerts", {}, '{"alerts": []}'))


def said(text: str, *cites: tuple[str, str]) -> Statement:
    return Statement(text, tuple(Citation(*one) for one in cites))


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        (said("Payments waits for its provider."), "it cites nothing"),
        (said("It does.", ("E9", "provider timeout")), "it cites E9, which was never shown"),
        (said("It does.", ("", "provider timeout")), "it cites nothing, which was never shown"),
        (said("It does.", ("E1", "the disk is full")), "E1 does not say 'the disk is full'"),
        (said("It does.", ("E2", "provider timeout")), "E2 does not say"),
        (said("It does.", ("E1", "ms")), "too short"),
        (said("It waits 5000 ms.", ("E1", "provider timeout after 2000 ms")), "its number 5000 stands in nothing"),
        (said("It does.", ("E1", "provider timeout"), ("E1", "invented words")), "E1 does not say"),
    ],
)
def test_what_is_discarded(statement: Statement, why: str) -> None:
    found = domain.judge([statement], SHOWN)
    assert found.kept == ()
    assert why in found.discarded[0].why


@pytest.mark.parametrize(
    "statement",
    [
        said("Payments gives up after 2000 ms.", ("E1", "provider timeout after 2000 ms")),
        said("It times out.", ("E1", "provider   timeout\n after")),
        said("It is payments.", ("E1", '\\"service\\":\\"payments\\"')),
    ],
)
def test_what_stands(statement: Statement) -> None:
    assert domain.judge([statement], SHOWN).kept == (statement,)


@given(st.text(max_size=40), st.lists(st.tuples(st.text(max_size=3), st.text(max_size=30)), max_size=3))
def test_only_what_is_quoted_from_what_was_shown_is_kept(text: str, cites: list[tuple[str, str]]) -> None:
    found = domain.judge([said(text, *cites)], SHOWN)
    for one in found.kept:
        assert one.citations
        for cited in one.citations:
            shown = next(each.said for each in SHOWN if each.name == cited.exhibit)
            plain = "".join(cited.quote.replace('\\"', '"').replace("\\n", " ").replace("\\t", " ").split())
            assert plain in "".join(shown.split())


@given(st.text())
def test_any_answer_is_read_or_refused(answer: str) -> None:
    try:
        found = domain.statements_of(answer)
    except AnswerError:
        return
    assert all(isinstance(one, Statement) for one in found)


def test_a_fence_around_the_answer_does_no_harm() -> None:
    row = {"statements": [{"text": "It is full.", "evidence": [{"id": "E1", "quote": "No space left"}]}]}
    plain = json.dumps(row)
    assert domain.statements_of(f"```json\n{plain}\n```") == domain.statements_of(plain)
    assert domain.statements_of(plain)[0].citations == (Citation("E1", "No space left"),)
