"""A search through what runs have written, over pieces as they are kept."""

import pytest

from mainstay.restore.runbooks import reading
from mainstay.restore.runbooks.models import Chunk
from tests.runbooks.shelf import done, draft, person, step, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]


def test_a_search_finds_a_word_that_was_cut_between_two_pieces() -> None:
    write(step("shell id=say", "echo one; echo 'Connection REFUSED by pay-1'; echo three"))
    run = done(draft())
    piece = Chunk.objects.filter(step_run__run=run, stream="out").get()
    place = piece.text.index("REF") + 3
    Chunk.objects.create(
        step_run=piece.step_run, attempt=piece.attempt, number=piece.number + 1, stream="out",
        text=piece.text[place:], at=piece.at,
    )  # fmt: skip
    Chunk.objects.filter(pk=piece.pk).update(text=piece.text[:place])
    (hit,) = reading.search(person("ben"), "connection refused")
    assert (hit.run, hit.step.step, hit.text) == (run, "say", "Connection REFUSED by pay-1")
    assert reading.search(person("ben"), "refused", book="other") == []


def test_a_search_shows_the_newest_run_first_and_no_more_than_asked_for() -> None:
    write(step("shell id=say", "echo needle"))
    runs = [done(draft()) for _ in range(3)]
    found = reading.search(person("ben"), "NEEDLE", limit=2)
    assert [one.run.pk for one in found] == [runs[2].pk, runs[1].pk]
