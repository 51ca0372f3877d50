"""Fixtures for the protocols of intake."""

from collections.abc import Iterator

import pytest

from mainstay.core import access, tokens
from mainstay.observe.intake import app as intake_app
from mainstay.observe.intake.tests.sending import Client, Kept


@pytest.fixture
def client(close_threads: None) -> Client:
    return Client(tokens.create_token(access.LOCAL, "sender", "intake"))


@pytest.fixture
def close_threads() -> Iterator[None]:
    """Threads of the application keep connections; a test database cannot go while one is open."""
    made: list[intake_app.Intake] = []
    original = intake_app.Intake.__init__

    def remember(self: intake_app.Intake, workers: int = 4) -> None:
        original(self, workers)
        made.append(self)

    intake_app.Intake.__init__ = remember  # type: ignore[method-assign]
    yield
    intake_app.Intake.__init__ = original  # type: ignore[method-assign]
    from django.db import connection

    for one in made:
        one._pool.submit(lambda: connection.close()).result()  # noqa: PLW0108 - each thread has its own
        one._signals.close()


@pytest.fixture
def kept() -> Kept:
    return Kept()
