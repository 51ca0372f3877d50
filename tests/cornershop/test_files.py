"""What the shop writes stays bounded."""

import errno
from pathlib import Path

import pytest

from cornershop import logs
from cornershop.services import receipts
from cornershop.services.payments import cents


@pytest.mark.parametrize("style", ["json", "logfmt", "text", "batch", "nginx-error"])
def test_logs_rotate_by_rename(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 2_000)
    log = logs.open_log("orders", tmp_path / "orders.log", style)
    for number in range(200):
        logs.info(log, "a line", number=number)
    log.handlers[0].close()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["orders.log", "orders.log.1", "orders.log.2"]
    assert all(path.stat().st_size <= 2_000 for path in tmp_path.iterdir())
    assert "199" in (tmp_path / "orders.log").read_text().splitlines()[-1]


def test_logfmt_quotes_what_needs_it(tmp_path: Path) -> None:
    log = logs.open_log("payments", tmp_path / "p.log", "logfmt")
    logs.error(log, "no luck", reason='he said "no"', empty="", code=5)
    log.handlers[0].close()
    assert r'msg="no luck" reason="he said \"no\"" empty="" code=5 trace=-' in (tmp_path / "p.log").read_text()


def test_receipts_are_bounded_and_respect_the_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receipts, "SEGMENT_BYTES", 100)
    shelf = receipts.Receipts(tmp_path, lambda: 1_000)
    for _ in range(100):
        shelf.write("a receipt of 27 characters\n")
    assert len(list(tmp_path.iterdir())) == receipts.KEEP_SEGMENTS
    (tmp_path / "dump").write_bytes(b"x" * 1_000)
    with pytest.raises(OSError, match="No space left") as failure:
        shelf.write("one more\n")
    assert failure.value.errno == errno.ENOSPC


@pytest.mark.parametrize(("amount", "expected"), [("12.50", 1250), ("12.5", 1250), ("0.07", 7), ("12", 1200)])
def test_amounts_of_the_acquirer(amount: str, expected: int) -> None:
    assert cents(amount) == expected
