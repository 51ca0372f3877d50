"""Books that run by themselves: once an incident, inside limits, and not any more once they do not help."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.catalog.models import KnownError, Service
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock
from mainstay.core.access import LOCAL, AccessError
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.observe.metrics.models import Rule
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident
from mainstay.respond.timeline import services as timeline
from mainstay.restore.runbooks import books
from mainstay.restore.runbooks.models import Remedy, Run
from mainstay.restore.runbooks.remedies import domain, reading, services
from tests.runbooks.shelf import person, said, step, work, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]


def remedy(**fields: Any) -> None:
    wanted = {"key": "mend", "name": "Mend it", "known_error": "KE-1", "runbook": "fix", **fields}
    config.apply(LOCAL, read.read([("remedies.yaml", f"remedies: [{wanted}]")]))


def incident(**labels: str) -> Incident:
    now = clock.now()
    made = Incident.objects.create(
        title="Payments fail",
        service=Service.objects.get(key="pay"),
        priority=2,
        impact="high",
        urgency="high",
        opened_at=now,
        started_at=now,
        state="open",
        known_error=KnownError.objects.get(key="KE-1"),
    )
    Alert.objects.create(
        fingerprint=str(made.pk), name="Slow", source="test", labels=labels, state="firing", incident=made,
        starts_at=now, received_at=now,
    )  # fmt: skip
    return made


def rounds(count: int = 2) -> None:
    for _ in range(count):
        services.run_due()
        work()


def test_a_known_error_runs_its_book_once_an_incident() -> None:
    write(step("shell id=say", 'echo "queue $INPUT_queue"'), inputs="[{name: queue}]")
    remedy(inputs={"queue": {"label": "queue"}})
    made = incident(queue="$(id)")
    rounds(3)
    run = Run.objects.get()
    assert (run.state, run.automatic, run.incident) == (Run.State.DONE, "remedy mend", made)
    assert said(run) == "queue $(id)\n"
    told = [one.text for one in timeline.entries(LOCAL, made.pk) if one.kind == "run"]
    assert told[0] == f"{run} drafted: Fix fix"
    assert AuditEntry.objects.filter(action="remedy.run").count() == 1
    assert f"Mend it runs by itself, as {run}" in next(
        one.text for one in timeline.entries(LOCAL, made.pk) if one.kind == "remedy"
    )


def test_books_that_fit_an_incident_are_offered_first() -> None:
    for key in ("a-first", "fix", "mend-it"):
        write(step("shell id=say", "true"), key=key)
    remedy(runbook="mend-it", enabled="false")
    made = incident()
    assert services.fitting(LOCAL, made) == ["mend-it"]
    assert [one.key for one in books.offered(LOCAL, "pay", ["mend-it"])] == ["mend-it", "a-first", "fix"]
    assert [one.key for one in books.offered(LOCAL, "pay")] == ["a-first", "fix", "mend-it"]


def test_a_book_that_takes_a_second_person_waits_for_one() -> None:
    write(step("shell id=say", "true"), approval="second person")
    remedy()
    incident()
    rounds()
    assert Run.objects.get().state == Run.State.REQUESTED


def test_one_that_does_not_help_opens_the_breaker_until_a_person_closes_it(tmp_path: Path) -> None:
    write(
        step("shell id=say", "true"),
        step("check id=good timeout=100ms every=50ms on-failure=continue", "false"),
        verify="good",
    )
    remedy()
    incident()
    rounds()
    assert Run.objects.get().state == Run.State.FAILED
    mend = Remedy.objects.get()
    assert "the verification does not hold" in mend.tripped_why
    second = incident()
    rounds()
    assert Run.objects.count() == 1
    assert "its breaker is open" in timeline.entries(LOCAL, second.pk)[-1].text
    with pytest.raises(AccessError):
        services.rearm(person("ben"), "mend", "I mended the book")
    with pytest.raises(ProblemError, match="what was found"):
        services.rearm(person("ana"), "mend", "")
    services.rearm(person("ana"), "mend", "I mended the book")
    incident()
    rounds(1)
    assert Run.objects.count() == 2
    # What it ran before it was re-armed counts no more, and when that was stays known.
    assert reading.one(LOCAL, "mend").runs == 1
    assert [use.reason for use in reading.uses(LOCAL, "mend")][-1] == "inside of its limits"


def test_one_that_is_switched_off_leaves_incidents_to_people() -> None:
    write(step("shell id=say", "true"))
    remedy()
    with pytest.raises(AccessError):
        services.switch(person("ben"), "mend", enabled=False)
    services.switch(person("ana"), "mend", enabled=False)
    incident()
    rounds()
    assert not Run.objects.exists()
    assert reading.one(LOCAL, "mend").state == "off"
    services.switch(person("ana"), "mend", enabled=True)
    rounds()
    assert Run.objects.count() == 1


def test_one_that_is_asked_for_too_often_does_not_help() -> None:
    write(step("shell id=say", "true"))
    remedy(per_hour=2)
    for _ in range(3):
        incident()
        rounds(1)
    assert Run.objects.count() == 2
    assert "2 times within an hour" in Remedy.objects.get().tripped_why


def test_what_cannot_be_run_opens_the_breaker_with_its_reason() -> None:
    write(step("shell id=say", "true"), targets="[]", inputs="[{name: queue}]")
    remedy()
    incident()
    rounds()
    assert Remedy.objects.get().tripped_why == "give a value"
    assert not Run.objects.exists()


def test_a_rule_runs_a_book_while_it_fires() -> None:
    config.apply(LOCAL, read.read([("rules.yaml", "rules: [{key: slow, expr: up == 0}]")]))
    write(step("shell id=say", "true"))
    remedy(known_error="", rule="slow")
    made = incident()
    rounds()
    assert not Run.objects.exists()
    Alert.objects.filter(incident=made).update(rule=Rule.objects.get(key="slow"))
    rounds()
    assert Run.objects.get().state == Run.State.DONE


def test_an_old_incident_is_left_to_people() -> None:
    write(step("shell id=say", "true"))
    remedy()
    incident()
    with clock.moved(timedelta(hours=2)):
        rounds()
    assert not Run.objects.exists()


@given(
    st.builds(domain.Seen, st.sampled_from(["", "why"]), st.booleans(), st.integers(0, 5),
              st.dictionaries(st.sampled_from(["a", "b"]), st.integers(0, 5)), st.integers(0, 20)),
    st.builds(domain.Limits, st.integers(1, 4), st.integers(1, 4), st.integers(0, 15)),
)  # fmt: skip
def test_nothing_runs_beyond_any_limit(seen: domain.Seen, limits: domain.Limits) -> None:
    if domain.decide(seen, limits).what == domain.RUN:
        assert seen.enabled
        assert not seen.tripped
        assert seen.runs < limits.per_hour
        assert seen.together < limits.together
        assert all(count < limits.per_target for count in seen.targets.values())
