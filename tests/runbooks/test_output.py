"""What steps write: secrets hidden wherever the pieces end, and a bound that keeps the beginning and the end."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.restore.runbooks.execution.masking import MASK, Masker, forms
from mainstay.restore.runbooks.execution.output import Output

pytestmark = pytest.mark.once
SECRETS = ["hunter2!", "hunter2!longer", "abab", "zwölf-Ähren"]


def shown(pieces: list[str], secrets: list[str]) -> str:
    masker = Masker(secrets)
    return "".join(masker.feed(one) for one in pieces) + masker.end()


@given(st.lists(st.sampled_from([*SECRETS, "a", "hunter", "2!", " ", "ab", "\n", "x" * 9]), max_size=12), st.data())
def test_no_secret_is_shown_however_the_text_is_cut(words: list[str], data: st.DataObject) -> None:
    text = "".join(words)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[a:b] for a, b in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    found = shown(pieces, SECRETS)
    assert found == shown([text], SECRETS)
    for secret in SECRETS:
        assert secret not in found.replace(MASK, "\0")


@given(st.text(alphabet="abc \n", max_size=100))
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert shown(list(text), ["hunter2!"]) == text


def test_a_secret_is_hidden_in_its_other_forms() -> None:
    secret = "top secret/value?"
    coded = base64.b64encode(secret.encode()).decode()
    assert shown([f"{coded} top%20secret%2Fvalue%3F"], [secret]).replace("=", "") == f"{MASK} {MASK}"
    assert "line-number-one" in forms("line-number-one\nline-number-two")


def test_bytes_that_are_cut_within_a_letter_are_whole_again() -> None:
    output = Output(["zwölf-Ähren"], 10_000)
    for byte in "es sind zwölf-Ähren da".encode():
        output.feed("out", bytes([byte]))
    assert "".join(one.text for one in output.end()) == f"es sind {MASK} da"


def test_of_much_output_the_beginning_and_the_end_are_kept() -> None:
    output = Output([], 8000)
    kept: list[str] = []
    for number in range(5000):
        output.feed("out", f"line {number:05}\n".encode())
        kept += [one.text for one in output.take()]
    kept += [one.text for one in output.end()]
    whole = "".join(kept)
    assert whole.startswith("line 00000\n")
    assert whole.endswith("line 04999\n")
    assert "characters are left out here" in whole
    assert len(whole) < 8200
    assert output.bytes == 55_000
