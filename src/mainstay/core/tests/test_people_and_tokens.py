from datetime import timedelta

import pytest

from mainstay.core import access, clock, people, tokens
from mainstay.core.models import ApiToken, Person

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"


@pytest.fixture
def ana() -> Person:
    return people.create_person(access.LOCAL, "Ana@x.example", "Ana", "responder", PASSWORD)


def test_a_person_signs_in_whatever_the_case_of_the_address(ana: Person) -> None:
    assert people.sign_in("ANA@x.example", PASSWORD, "192.0.2.1") == ana
    assert ana.password.startswith("argon2")


def test_wrong_tries_lock_account_and_address_for_a_while(ana: Person) -> None:
    for _ in range(10):
        with pytest.raises(people.PersonError, match="do not belong together"):
            people.sign_in("ana@x.example", "wrong", "192.0.2.1")
    with pytest.raises(people.PersonError, match="Too many"):
        people.sign_in("ana@x.example", PASSWORD, "192.0.2.2")
    with clock.moved(timedelta(minutes=16)):
        assert people.sign_in("ana@x.example", PASSWORD, "192.0.2.1") == ana


def test_a_sign_in_link_works_once_and_not_too_late(ana: Person) -> None:
    secret = tokens.create_sign_in_link(ana, "http://x").partition("#")[2]
    assert tokens.use_sign_in_link(secret, clock.now()) == ana
    assert tokens.use_sign_in_link(secret, clock.now()) is None
    late = tokens.create_sign_in_link(ana, "http://x").partition("#")[2]
    assert tokens.use_sign_in_link(late, clock.now() + timedelta(hours=25)) is None


def test_a_token_is_stored_as_a_digest_and_can_be_revoked() -> None:
    secret = tokens.create_token(access.LOCAL, "ci", "read")
    stored = ApiToken.objects.get()
    assert secret not in (stored.digest, stored.hint)
    found = tokens.find_token(secret)
    assert found is not None
    assert found.name == "ci"
    tokens.revoke_token(access.LOCAL, "ci")
    assert tokens.find_token(secret) is None


def test_only_admins_make_tokens(ana: Person) -> None:
    with pytest.raises(access.AccessError, match="an admin"):
        tokens.create_token(access.of_person(ana), "x", "read")


@pytest.mark.parametrize(
    ("email", "role", "password", "said"),
    [
        ("no-address", "viewer", None, "valid email"),
        ("b@x.example", "king", None, "role"),
        ("b@x.example", "viewer", "short", "too short"),
        ("ana@x.example", "viewer", None, "has an account"),
    ],
)
def test_a_bad_account_is_refused_with_the_reason(ana: Person, email: str, role: str, password: str, said: str) -> None:
    with pytest.raises(people.PersonError, match=said):
        people.create_person(access.LOCAL, email, "B", role, password)
