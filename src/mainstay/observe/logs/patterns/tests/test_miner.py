"""Patterns as lines arrive: what varies is found, numbers last, memory is bounded."""

import random
import string

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.logs.patterns.miner import Limits, Miner, Pattern, number_of, tag_all
from mainstay.observe.logs.patterns.shapes import Shape, shape_of

NAMES = ["alice", "bob", "carol", "dave", "erin", "frank", "grace", "heidi"]


def templates(*lines: str) -> list[str]:
    """The template of each line, all mined at once."""
    numbers, miner = tag_all(pl.Series(lines, dtype=pl.String))
    return [template(miner, number) for number in numbers]


def template(miner: Miner, number: int) -> str:
    pattern = miner.pattern(number)
    return pattern.template if pattern else ""


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("order 4711 paid in 12.5 s", "order <*> paid in <*> s"),
        ("connect to 10.0.0.7:5432 refused", "connect to <*> refused"),
        ("job 550e8400-e29b-41d4-a716-446655440000 done.", "job <*> done."),
        ("read /var/lib/shop/data.db failed", "read <*> failed"),
        ('"GET /cart/77?x=1 HTTP/1.1" 200 0.2', '"GET <*>" <*> <*>'),
        ("sent 512 bytes (1.2 KB) to peer", "sent <*> to peer"),
        ("cache enabled: true, size=0x1F", "cache enabled: <*>, size=<*>"),
        ("worker#3 up", "worker#<*> up"),
        ("user= tty=pts", "user= tty=pts"),
        ("deleting blocks 1 2 3 4 5", "deleting blocks <*>"),
        ("see https://example.org/a?b=c now", "see <*> now"),
        ("at 2026-01-31T03:04:05.123Z it ended", "at <*> it ended"),
        ("speaks SOCKS5 only", "speaks SOCKS5 only"),
    ],
)
def test_values_are_seen_by_their_looks(line: str, wanted: str) -> None:
    assert templates(line) == [wanted]


def test_a_word_that_tells_events_apart_stays_and_a_name_that_varies_goes() -> None:
    lines = [f"session {verb} for user {name}" for verb in ("opened", "closed") for name in NAMES]
    assert set(templates(*lines)) == {"session opened for user <*>", "session closed for user <*>"}


def test_identifiers_in_one_place_are_a_value() -> None:
    found = set(templates(*[f"cannot start module {name}Service_x now" for name in NAMES]))
    assert found == {"cannot start module <*> now"}


def test_a_value_that_can_be_missing_does_not_make_two_patterns() -> None:
    assert len(set(templates("login by (bob.x) at 9", "login by () at 10"))) == 1


def test_a_number_that_turns_out_to_vary_keeps_its_pattern() -> None:
    miner = Miner()
    first = miner.tag(pl.Series(["node1 joined the ring"]))[0]
    assert template(miner, first) == "node1 joined the ring"
    assert miner.tag(pl.Series(["node2 joined the ring"]))[0] == first
    assert template(miner, first) == "<*> joined the ring"


def test_patterns_that_become_one_keep_the_elder_number_and_lead_from_the_younger() -> None:
    miner = Miner()
    numbers = [miner.tag(pl.Series([f"cannot start module {name}Service_x now"]))[0] for name in NAMES]
    assert len(set(numbers)) < len(NAMES)
    assert {found.number for number in numbers if (found := miner.pattern(number))} == {numbers[0]}
    assert any(one.merged_into for one in miner.take_changes())


def test_numbers_are_the_same_after_a_restart() -> None:
    lines = pl.Series([f"order {n} of {name} shipped" for n, name in enumerate(NAMES)] + ["boot done"])
    first = Miner()
    before = first.tag(lines).to_list()
    stored = first.take_changes()
    merged = {one.number: one.now().number for one in stored if one.merged_into}
    again = Miner()
    copies = [Pattern(one.shape, one.samples, one.example, one.number, one.template) for one in stored]
    again.restore(copies, merged)
    assert again.tag(lines).to_list() == before
    assert not again.take_changes()


def test_a_stack_trace_has_the_pattern_of_its_first_line() -> None:
    assert len(set(templates("charge 1 failed\nTraceback ...\n  x", "charge 2 failed\nother"))) == 1


def test_hostile_lines_do_not_fill_the_memory() -> None:
    chance = random.Random(7)

    def noise() -> str:
        letters = string.ascii_letters + string.punctuation
        return " ".join("".join(chance.choices(letters, k=8)) for _ in range(chance.randrange(1, 9)))

    miner = Miner(Limits(patterns=500, learned=1000, alike=50))
    for _ in range(10):
        numbers = miner.tag(pl.Series([noise() for _ in range(1000)] + ["order 12 paid"]))
        assert len(numbers) == 1001
    assert len(miner) <= 500
    assert len(miner._by_key) <= 2000


@given(st.lists(st.text(max_size=60), min_size=1, max_size=20))
def test_any_text_is_taken(lines: list[str]) -> None:
    numbers, miner = tag_all(pl.Series(lines, dtype=pl.String))
    assert len(numbers) == len(lines)
    assert all(miner.pattern(number) for number in numbers)


@given(st.text(alphabet=string.ascii_letters + string.digits + " =:,;()[]\"'./-_<>|\t", max_size=80))
def test_the_words_and_signs_of_a_shape_fit_each_other(text: str) -> None:
    shape, texts = shape_of(text)
    assert len(shape.signs) == len(shape.words) - 1 == len(texts) - 1
    assert shape.fits(Shape(shape.words, shape.signs))


def test_numbers_of_patterns_fit_a_signed_64_bit_column() -> None:
    assert 0 < number_of("x") < 2**63
