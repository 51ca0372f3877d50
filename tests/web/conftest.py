"""Fixtures of the screens: a seeded database for the views, and a served one for the browser."""

from collections.abc import Callable

import pytest
from django.test import Client
from tests import kept
from tests.web import seed

from mainstay.core.models import Person

PASSWORD = "correct horse battery"


@pytest.fixture
def shop(db: None) -> None:
    """People, services, rules and a night of incidents. Incident 5 in order of opening is the open P1."""
    kept.put("shop", _shop)


def _shop() -> None:
    seed.catalogue()
    seed.night()
    seed.beats()


@pytest.fixture
def sign_in(db: None) -> Callable[[str], Client]:
    """Makes a browser in which somebody is signed in."""

    def make(who: str = "ana", *, enforce_csrf_checks: bool = False) -> Client:
        client = Client(enforce_csrf_checks=enforce_csrf_checks, headers={"host": "localhost"})
        client.force_login(Person.objects.get(email=f"{who}@example.com"))
        return client

    return make


@pytest.fixture
def ana(shop: None, sign_in: Callable[[str], Client]) -> Client:
    """An admin at her desk."""
    return sign_in("ana")
