from collections.abc import Sequence

import pytest

from mainstay.core import inbox
from mainstay.core.models import InboxItem

pytestmark = pytest.mark.django_db


def put(*names: str) -> None:
    inbox.put("test", [{"name": name} for name in names])


def test_signals_are_worked_off_in_order_and_are_gone() -> None:
    put("a", "b", "c")
    seen: list[str] = []
    assert inbox.drain("test", lambda items: seen.extend(item.payload["name"] for item in items), limit=2) == 2
    assert inbox.drain("test", lambda items: seen.extend(item.payload["name"] for item in items), limit=2) == 1
    assert seen == ["a", "b", "c"]
    assert not InboxItem.objects.exists()


def test_one_bad_signal_does_not_hold_up_the_good_ones_and_is_set_aside_with_its_error() -> None:
    put("a", "bad", "c")
    seen: list[str] = []

    def act(items: Sequence[InboxItem]) -> None:
        for item in items:
            if item.payload["name"] == "bad":
                raise RuntimeError("cannot read it")
        seen.extend(item.payload["name"] for item in items)

    for _ in range(inbox.MAX_TRIES):
        inbox.drain("test", act)
    assert seen == ["a", "c"]
    left = InboxItem.objects.get()
    assert left.failed_at is not None
    assert "cannot read it" in left.error
    assert inbox.drain("test", act) == 0


def test_a_full_inbox_says_so(settings_with: None) -> None:
    put("a", "b")
    with pytest.raises(inbox.InboxFullError):
        inbox.check_room()


@pytest.fixture
def settings_with(monkeypatch: pytest.MonkeyPatch) -> None:
    from mainstay.core import settings

    loaded = settings.current()
    monkeypatch.setattr(inbox, "current", lambda: settings.Loaded({**loaded.values, "inbox_max": 2}, loaded.origins))
