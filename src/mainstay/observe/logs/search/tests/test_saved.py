"""Searches that people keep."""

import pytest

from mainstay.core.access import LOCAL, AccessError, Actor, of_person
from mainstay.core.models import AuditEntry, Person
from mainstay.core.problems import ProblemError
from mainstay.observe.logs.search import saved
from mainstay.observe.logs.search.lexer import QueryError

pytestmark = pytest.mark.usefixtures("company")


def actor(name: str) -> Actor:
    return of_person(Person.objects.get(email=f"{name}@x.example"))


def names(who: str) -> list[str]:
    return [one.name for one in saved.visible(actor(who))]


def test_one_sees_ones_own_and_what_is_shared() -> None:
    saved.save(actor("ana"), "mine", "level:error", "last 15m")
    saved.save(actor("ana"), "ours", "timeout", "2026-03-01T10:00:00Z to 2026-03-01T11:00:00Z", shared=True)
    saved.save(actor("vic"), "his", "", "last 1h")
    assert names("ana") == ["mine", "ours"]
    assert names("ben") == ["ours"]
    assert names("vic") == ["his", "ours"]


def test_a_name_is_there_once_for_each_person() -> None:
    saved.save(actor("ana"), "mine", "level:error", "last 15m")
    saved.save(actor("ana"), " mine ", "level:fatal", "last 1h")
    saved.save(actor("ben"), "mine", "x", "last 1h")
    assert [one.query for one in saved.visible(actor("ana"))] == ["level:fatal"]
    assert AuditEntry.objects.filter(action="search.save").count() == 3


def test_what_cannot_be_run_is_not_kept() -> None:
    with pytest.raises(QueryError):
        saved.save(actor("ana"), "bad", "(", "last 1h")
    with pytest.raises(ProblemError, match="no range"):
        saved.save(actor("ana"), "bad", "", "yesterday-ish")
    with pytest.raises(ProblemError, match="1 to 120"):
        saved.save(actor("ana"), "  ", "", "last 1h")
    with pytest.raises(ProblemError, match="belongs to a person"):
        saved.save(LOCAL, "bad", "", "last 1h")
    with pytest.raises(AccessError):
        saved.save(actor("vic"), "for all", "", "last 1h", shared=True)
    assert not names("ana")


def test_who_may_forget_it() -> None:
    shared = saved.save(actor("ben"), "ours", "x", "last 1h", shared=True)
    with pytest.raises(AccessError):
        saved.delete(actor("vic"), shared.pk)
    own = saved.save(actor("vic"), "his", "x", "last 1h")
    with pytest.raises(ProblemError, match="no saved search"):
        saved.delete(actor("ben"), own.pk)
    saved.delete(actor("ana"), shared.pk)
    saved.delete(actor("vic"), own.pk)
    assert not names("vic")
