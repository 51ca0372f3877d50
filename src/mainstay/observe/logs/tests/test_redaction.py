"""What is taken out of lines, and what is not."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.observe.logs.redaction import KINDS, passes_luhn, redact

DEFAULT = ("cards", "secrets")


def clean(text: str, *kinds: str) -> str:
    return str(redact(pl.Series([text, "nothing here"]), kinds or DEFAULT)[0])


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("card 4111 1111 1111 1111 declined", "card [redacted:card] declined"),
        ("card 4111-1111-1111-1112 declined", "card 4111-1111-1111-1112 declined"),
        ("pan=5555555555554444;", "pan=[redacted:card];"),
        ("order 1234567890123 paid", "order 1234567890123 paid"),
        ("login password=hunter22 ok", "login password=[redacted:secret] ok"),
        ('{"api_key": "abc123def", "n": 1}', '{"api_key": "[redacted:secret]", "n": 1}'),
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer [redacted:secret]"),
        ("sent Bearer abcdefgh12345678 along", "sent Bearer [redacted:bearer] along"),
        ("key AKIAIOSFODNN7EXAMPLE used", "key [redacted:aws-key] used"),
        ("db postgres://app:s3cr3t@db/shop", "db postgres://app:[redacted:url-password]@db/shop"),
        ("jwt eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "jwt [redacted:jwt]"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- end",
            "[redacted:private-key] end",
        ),
        ("the token expired", "the token expired"),
        ("mail ana@example.org", "mail ana@example.org"),
    ],
)
def test_secrets_and_cards(text: str, wanted: str) -> None:
    assert clean(text) == wanted


def test_mail_addresses_and_accounts_by_choice() -> None:
    assert clean("mail ana@example.org", "emails") == "mail [redacted:email]"
    assert clean("to DE89 3704 0044 0532 0130 00", "ibans") == "to [redacted:iban]"


@given(st.lists(st.integers(0, 9), min_size=12, max_size=18))
def test_every_number_with_its_check_digit_is_taken_out(digits: list[int]) -> None:
    digits[0] = 4
    check = next(last for last in range(10) if passes_luhn([*digits, last]))
    number = "".join(map(str, [*digits, check]))
    assert number not in clean(f"paid with {number} today")


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_any_text_is_taken(texts: list[str]) -> None:
    assert len(redact(pl.Series(texts, dtype=pl.String), KINDS)) == len(texts)
