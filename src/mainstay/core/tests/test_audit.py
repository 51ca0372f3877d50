import pytest

from mainstay.core import audit
from mainstay.core.access import LOCAL
from mainstay.core.models import AuditEntry


@pytest.fixture
def chain(db: None) -> None:
    for number in range(5):
        audit.record(LOCAL, "test.do", f"thing {number}", number=number, text="ü")


def test_an_untouched_chain_is_intact(chain: None) -> None:
    verdict = audit.verify()
    assert verdict.intact
    assert verdict.entries == 5


def test_a_changed_entry_is_found(chain: None) -> None:
    AuditEntry.objects.filter(seq=3).update(target="another thing")
    assert audit.verify().broken_at == 3


def test_a_missing_entry_is_found(chain: None) -> None:
    AuditEntry.objects.filter(seq=2).delete()
    assert audit.verify().broken_at == 3


def test_a_rewritten_entry_breaks_the_next(chain: None) -> None:
    entry = AuditEntry.objects.get(seq=2)
    entry.actor = "somebody else"
    entry.hash = audit.entry_hash(
        entry.previous, entry.seq, entry.at, entry.actor, entry.action, entry.target, entry.detail
    )
    entry.save()
    assert audit.verify().broken_at == 3
