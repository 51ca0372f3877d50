"""Formats kept, applied at intake, counted, and found in the store."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.db import DatabaseError
from tests import engine

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock, settings
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.observe.logs import services as logs
from mainstay.observe.logs.formats import counts, services
from mainstay.observe.logs.formats.models import LogFormat, LogFormatCount
from mainstay.observe.logs.formats.pattern import FormatError
from mainstay.observe.logs.lines import Lines, Origin
from mainstay.observe.logs.search import services as search
from mainstay.observe.logs.search.answers import Line
from mainstay.observe.logs.search.times import of

pytestmark = pytest.mark.django_db
ENTRY: dict[str, Any] = {
    "key": "ledger",
    "services": ["ledger"],
    "contains": "LDG",
    "pattern": r"LDG%{INT:code:int} %{WORD:level} user=%{WORD:user} password=(?<password>\S+) %{GREEDYDATA:message}",
}
GOOD = "LDG017 ERROR user=ana password=hunter22 posting to card 4111 1111 1111 1111 failed"
BAD = "LDG018 oddly written"
VIEWER, MAINTAINER = Actor("Vic", Right.READ), Actor("Mia", Right.MAINTAIN)


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts of this test alone, written down at once."""
    monkeypatch.setattr(counts, "_counter", counts._Counter())
    monkeypatch.setattr(counts, "_EVERY_SECONDS", 0.0)


@pytest.fixture
def save(django_capture_on_commit_callbacks: Any) -> Any:
    """Keeps a format as a maintainer, with what follows its commit."""

    def keep(**changes: Any) -> LogFormat:
        with django_capture_on_commit_callbacks(execute=True):
            return services.save(MAINTAINER, {**ENTRY, **changes})

    return keep


@pytest.fixture(scope="module")
def engine_running() -> Iterator[None]:
    with engine.running():
        yield


def accept(*bodies: str, service: str = "ledger") -> None:
    logs.accept(Lines([Origin(service, "host-1", "test")], [0] * len(bodies), bodies))


def found(query: str) -> list[Line]:
    engine.settle()
    now = clock.now()
    return list(search.search(LOCAL, query, of(now - timedelta(hours=1), now + timedelta(hours=1))).lines)


def counted() -> dict[str, tuple[int, int]]:
    return {one.format.key: (one.counts.matched, one.counts.missed) for one in services.listed(VIEWER)}


def test_lines_are_taken_apart_as_they_come_and_secrets_are_taken_out(engine_running: None, save: Any) -> None:
    engine.empty()
    save()
    accept(GOOD, BAD, "nothing of it")
    accept(GOOD, service="other")
    line = next(iter(found("format:ledger attributes.code:17")))
    assert (line.level, line.body) == ("error", "posting to card [redacted:card] failed")
    assert line.attributes["user"] == "ana"
    assert "hunter22" not in str(line)
    assert "4111" not in str(line)
    original = line.attributes["log.record.original"]
    assert original.startswith("LDG017 ERROR user=ana password=[redacted:secret]")
    assert sorted(one.body for one in found("service:ledger -format:ledger")) == [BAD, "nothing of it"]
    assert [one.format for one in found("service:other")] == ["raw"]
    # A line that lacks the text was never a matter of the format.
    assert counted() == {"ledger": (1, 1)}
    assert services.recent_lines(VIEWER, "ledger", "LDG018") == [BAD]
    assert sorted(services.recent_lines(VIEWER, "ledger")) == sorted([original, BAD, "nothing of it"])


def test_patterns_are_mined_from_the_message_of_the_format(engine_running: None, save: Any) -> None:
    engine.empty()
    save(pattern="LDG%{INT:code} %{GREEDYDATA:message}")
    accept(*(f"LDG{n} closing the day" for n in range(20)))
    assert {line.body for line in found("format:ledger")} == {"closing the day"}
    assert len({line.pattern for line in found("format:ledger")}) == 1


def test_a_change_holds_for_lines_that_come_later_and_without_formats_nothing_is_done(save: Any) -> None:
    assert not services.active()
    save()
    assert [one.key for one in services.active()] == ["ledger"]
    save(enabled=False)
    assert list(services.active()) == []


def test_counts_are_of_the_last_hour_and_survive_what_the_database_does_not_take(
    save: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save()
    accept(GOOD, BAD)
    assert counted() == {"ledger": (1, 1)}

    def broken(*_: object) -> None:
        raise DatabaseError("away")

    with monkeypatch.context() as patch:
        patch.setattr(counts, "_add", broken)
        accept(GOOD)
    assert counted() == {"ledger": (2, 1)}
    with clock.moved(timedelta(hours=1, minutes=10)):
        assert counted() == {"ledger": (0, 0)}
    with clock.moved(timedelta(hours=5)):
        accept(BAD)
        assert counted() == {"ledger": (0, 1)}
        assert LogFormatCount.objects.count() == 1


def test_a_format_that_can_no_longer_be_used_says_so_and_stops_nothing(
    save: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    save()
    save(key="other", pattern="%{INT:n}")
    LogFormat.objects.filter(key="ledger").update(pattern="a(?=b)")
    services.active.forget()
    assert [one.key for one in services.active()] == ["other"]
    assert "lookahead" in services.listed(VIEWER)[0].problem


def test_maintainers_keep_formats_and_it_is_in_the_audit_log(save: Any) -> None:
    with pytest.raises(AccessError):
        services.save(VIEWER, ENTRY)
    save()
    save(name="Ledger")
    services.remove(MAINTAINER, "ledger")
    said = AuditEntry.objects.order_by("seq").values_list("action", flat=True)
    assert [one for one in said if one.startswith("logs.format")] == [
        "logs.format.create", "logs.format.change", "logs.format.remove",
    ]  # fmt: skip
    with pytest.raises(ProblemError):
        services.remove(MAINTAINER, "ledger")


def test_there_are_as_many_formats_as_the_setting_allows(save: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings.current()
    values = settings.Loaded({**loaded.values, "log_formats_max": 1}, loaded.origins)
    monkeypatch.setattr(services, "current", lambda: values)
    save()
    save(name="Changed")
    with pytest.raises(FormatError, match="log_formats_max"):
        save(key="second")
    save(key="second", enabled=False)


FILE = """
log_formats:
  - key: batch
    services: [ledger]
    pattern: '%{BATCH:batch} %{INT:rows:int}'
    patterns: {BATCH: 'B-[0-9]+'}
"""


def apply(text: str) -> list[str]:
    return [str(change) for change in config.apply(LOCAL, read.read([("a.yaml", text)]))]


def test_formats_come_from_files_and_are_changed_there() -> None:
    assert apply(FILE) == ["+ log_formats batch"]
    assert apply(FILE) == []
    exported = config.export(LOCAL)
    assert "patterns:\n    BATCH: B-[0-9]+\n" in exported
    assert "keep_line" not in exported
    with pytest.raises(ProblemError, match=r"a\.yaml; change it there"):
        services.save(MAINTAINER, {**ENTRY, "key": "batch"})
    with pytest.raises(ProblemError, match="take it out there"):
        services.remove(MAINTAINER, "batch")
    assert apply("log_formats: []") == ["- log_formats batch"]
    with pytest.raises(read.ConfigError, match=r"a\.yaml: log_formats batch: pattern, character 3: lookahead"):
        apply(FILE.replace("%{BATCH:batch} %{INT:rows:int}", "ab(?=c)"))
