"""Who may let a run go, when it may go, how far it goes at once, and how it is stopped."""

import threading
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import given
from hypothesis import strategies as st

from mainstay.core import clock, secrets
from mainstay.core.access import LOCAL, AccessError
from mainstay.core.models import AuditEntry, FeedItem
from mainstay.core.problems import ProblemError
from mainstay.restore.runbooks import answering, books, domain, facts, hosts, reading, services
from mainstay.restore.runbooks.execution import guards, loop
from mainstay.restore.runbooks.models import Host, Run, TargetLease
from tests.parts import until
from tests.runbooks import shelf
from tests.runbooks.shelf import (
    again,
    cell,
    done,
    draft,
    freeze,
    host,
    person,
    started,
    states,
    step,
    text,
    work,
    write,
)

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]
ASKED: dict[str, Any] = {"approval": "second person"}


def requested(**front: Any) -> Run:
    write(step("shell id=one", 'echo "$INPUT_who"'), **{**ASKED, "inputs": "[{name: who}]", **front})
    run = draft(inputs={"who": "me"})
    services.request(person("ben"), run.pk)
    return again(run)


def seen(run: Run) -> str:
    return facts.hash_of(again(run))


def test_another_person_approves_exactly_what_was_seen() -> None:
    run = requested()
    for who, why in (("ben", "you asked for it yourself"), ("ana", "you wrote what would be carried out")):
        with pytest.raises(ProblemError, match=f"(?i){why}"):
            services.approve(person(who), run.pk, seen(run))
    with pytest.raises(ProblemError, match="not what you saw"):
        services.approve(person("cleo"), run.pk, "another")
    with pytest.raises(AccessError):
        services.approve(person("vic"), run.pk, seen(run))
    with pytest.raises(ProblemError, match="(?i)signed in"):
        services.approve(LOCAL, run.pk, seen(run))
    with pytest.raises(ProblemError, match="waits for approval"):
        services.start(person("ben"), run.pk)
    services.approve(person("cleo"), run.pk, seen(run))
    services.start(person("ben"), run.pk)
    work()
    assert again(run).state == Run.State.DONE
    told = set(AuditEntry.objects.filter(target=str(run)).values_list("action", flat=True))
    assert {"run.draft", "run.request", "run.approve", "run.start", "run.done", "gate.allowed"} <= told


def _edit_run(run: Run) -> None:
    services.edit(person("ben"), run.pk, {"who": "you"})


def _edit_book(run: Run) -> None:
    write(step("shell id=one", 'echo other "$INPUT_who"'), **ASKED, inputs="[{name: who}]")


def _expire(run: Run) -> None:
    Run.objects.filter(pk=run.pk).update(approval_expires_at=clock.now())


@pytest.mark.parametrize(
    ("change", "why"),
    [(_edit_run, "Nobody has approved"), (_edit_book, "edited since"), (_expire, "has expired")],
)
def test_an_edit_or_time_voids_an_approval(change: Callable[[Run], None], why: str) -> None:
    run = requested()
    services.approve(person("cleo"), run.pk, seen(run))
    change(run)
    with pytest.raises(ProblemError, match=why):
        services.start(person("ben"), run.pk)


def test_a_host_that_is_elsewhere_since_voids_an_approval() -> None:
    host("pay-1", "root@one.example")
    write(step("shell id=one", "true"), **ASKED, targets="[pay-1]")
    run = draft()
    services.request(person("ben"), run.pk)
    services.approve(person("cleo"), run.pk, seen(run))
    Host.objects.update(address="root@two.example")
    with pytest.raises(ProblemError, match="not what was approved"):
        services.start(person("ben"), run.pk)


def test_corrected_inputs_take_a_new_approval(tmp_path: Path) -> None:
    trail = tmp_path / "trail"
    write(
        step("shell id=one", f"echo one >> {trail}"),
        step("shell id=two", f'test "$INPUT_who" = right && echo two >> {trail}'),
        **ASKED,
        inputs="[{name: who}]",
    )
    run = done(draft(inputs={"who": "wrong"}))
    assert run.state == Run.State.FAILED
    after = services.resume(person("ben"), run.pk, {"who": "right"})
    assert after.state == Run.State.DRAFT
    with pytest.raises(ProblemError, match="Nobody has approved"):
        services.start(person("ben"), run.pk)
    run = done(again(run))
    assert (run.state, trail.read_text()) == (Run.State.DONE, "one\ntwo\n")
    assert cell(run, "one").attempt == 1


def test_breaking_the_glass_is_loud_and_owes_a_review() -> None:
    dora = person("dora")
    run = requested()
    with pytest.raises(ProblemError, match="signed in"):
        services.break_glass(LOCAL, run.pk, "The shop is down")
    with pytest.raises(ProblemError, match="at stake"):
        services.break_glass(person("ben"), run.pk, "now")
    services.break_glass(person("ben"), run.pk, "The shop is down and Cleo sleeps")
    work()
    run = again(run)
    assert (run.state, run.owes_review) == (Run.State.DONE, True)
    assert AuditEntry.objects.filter(action="run.BREAK_GLASS", target=str(run)).exists()
    told = FeedItem.objects.filter(topic="page", person__isnull=False).select_related("person")
    loud = {one.person.email for one in told if one.person and "broke the glass" in one.data["subject"]}
    assert loud == {"ana@x.example", "dora@x.example"}
    assert run in services.waiting_for(person("cleo"))
    with pytest.raises(AccessError):
        answering.review(person("cleo"), run.pk, "fine")
    with pytest.raises(ProblemError, match="write what you found"):
        answering.review(dora, run.pk, " ")
    answering.review(dora, run.pk, "It was right")
    assert not again(run).owes_review
    assert run not in services.waiting_for(person("cleo"))


def test_whoever_broke_the_glass_does_not_review_it() -> None:
    run = requested()
    services.break_glass(person("ana"), run.pk, "The shop is down")
    with pytest.raises(ProblemError, match="Ask a colleague"):
        answering.review(person("ana"), run.pk, "I was right")


def test_a_freeze_keeps_a_run_waiting_and_only_a_broken_glass_goes_through() -> None:
    freeze()
    write(step("shell id=one", "true"))
    run = done(draft())
    assert (run.state, run.state_reason[:18]) == (Run.State.WAITING, "the gate is closed")
    assert states(run) == {"one": "waiting"}
    other = draft()
    services.break_glass(person("ben"), other.pk, "The shop is down today")
    work()
    assert again(other).state == Run.State.DONE
    with clock.moved(timedelta(hours=2)):
        work()
    assert again(run).state == Run.State.FAILED
    assert "longer than" in again(run).state_reason


def test_a_book_that_only_looks_asks_neither_calendar_nor_colleague() -> None:
    freeze()
    write(step("check id=look", "true"), **ASKED)
    assert done(draft()).state == Run.State.DONE


def test_runs_of_different_books_do_not_meet_on_a_machine() -> None:
    host("pay-1", "root@127.0.0.1:1")
    host("same", "app@127.0.0.1:1")
    write(step("manual id=one", "Look."), targets="[pay-1]", key="first")
    write(step("shell id=one", "true"), targets="[same]", key="second")
    first = done(draft("first"))
    assert first.state == Run.State.PERSON
    second = done(draft("second"))
    assert (second.state, second.state_reason) == (Run.State.WAITING, f"same is held by {first}")
    services.stop(person("ben"), first.pk)
    with clock.moved(timedelta(seconds=10)):
        work()
    assert "does not answer" in again(second).state_reason
    assert not TargetLease.objects.exists()


def test_a_lease_that_has_run_out_is_taken_over() -> None:
    host("pay-1")
    write(step("shell id=one", "true"), targets="[pay-1]")
    first, second = draft(), draft()
    one, now = hosts.machines(["pay-1"])["pay-1"], clock.now()
    assert guards.take_targets(first, [one], now + timedelta(seconds=60)) == ""
    assert guards.take_targets(second, [one], now + timedelta(seconds=60)) == f"pay-1 is held by {first}"
    with clock.moved(timedelta(seconds=61)):
        assert guards.take_targets(second, [one], clock.now() + timedelta(seconds=60)) == ""
        assert guards.take_targets(first, [one], clock.now() + timedelta(seconds=60)) == f"pay-1 is held by {second}"


def test_one_of_many_gets_a_machine() -> None:
    host("pay-1")
    write(step("shell id=one", "true"), targets="[pay-1]")
    every, machine = [draft() for _ in range(6)], hosts.machines(["pay-1"])["pay-1"]
    won: list[Run] = []
    gate = threading.Barrier(len(every))

    def take(run: Run) -> None:
        try:
            gate.wait()
            if guards.take_targets(run, [machine], clock.now() + timedelta(seconds=60)) == "":
                won.append(run)
        finally:
            connection.close()

    threads = [threading.Thread(target=take, args=(run,)) for run in every]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert TargetLease.objects.get().run == won[0]


def test_more_targets_than_allowed_are_refused() -> None:
    for number in range(4):
        host(f"pay-{number}", f"root@127.0.0.1:{number + 1}", groups=["pay"])
    write(step("shell id=one", "true"), targets="{groups: [pay], max: 3}")
    with pytest.raises(ProblemError, match="4 targets are more than the 3"):
        draft()
    assert len(draft(targets=["pay-0", "pay-1"]).targets) == 2
    with pytest.raises(ProblemError, match="no target of this book"):
        draft(targets=["elsewhere"])


@given(st.integers(1, 60), st.integers(1, 12), st.booleans(), st.data())
def test_targets_go_in_waves_that_double(total: int, parallel: int, ramp: bool, data: st.DataObject) -> None:
    """However they end, no wave begins before the one before it has ended, and all get their turn."""
    begun, running, waves = 0, 0, list[int]()
    while True:
        may = domain.admit(total, begun, begun - running, 0, parallel=parallel, ramp=ramp, max_errors=0)
        if may.count:
            assert running + may.count <= parallel
            if ramp and sum(2**power for power in range(len(waves) + 1)) <= parallel:
                assert running == 0 or len(waves) > 0
            waves.append(may.count)
            begun, running = begun + may.count, running + may.count
        if not running:
            break
        running -= data.draw(st.integers(1, running))
    assert begun == total
    if ramp:
        assert waves[0] == 1
        assert all(after <= 2 * sum(waves[: place + 1]) for place, after in enumerate(waves[1:]))


def test_too_many_failures_begin_no_more() -> None:
    assert domain.admit(10, 3, 3, 1, parallel=10, ramp=True, max_errors=0).count == 0
    assert domain.admit(10, 3, 3, 1, parallel=10, ramp=True, max_errors=1).count == 4


def test_the_first_failure_keeps_the_rest_from_beginning() -> None:
    for number in range(5):
        host(f"pay-{number}", f"root@127.0.0.1:{number + 1}", groups=["pay"])
    write(step("shell id=one", "true"), targets="{groups: [pay]}")
    run = done(draft())
    assert run.state == Run.State.FAILED
    assert run.state_reason.endswith("4 targets were not begun")
    assert sorted(states(run).values()) == ["failed", *["waiting"] * 4]


def test_the_panic_stop_kills_what_runs_and_begins_no_more(tmp_path: Path) -> None:
    write(
        step("shell id=long", f"echo begun >> {tmp_path}/trail; sleep 600 & wait; echo never >> {tmp_path}/trail"),
        step("shell id=next", f"echo never >> {tmp_path}/trail"),
    )
    run = started(draft())
    worker = loop.Runs()
    assert worker.run_due() == 1
    until("the step", (tmp_path / "trail").exists)
    began = time.monotonic()
    services.stop(person("cleo"), run.pk)
    worker.run_due()
    until("the stop", lambda: again(run).state == Run.State.STOPPED)
    assert time.monotonic() - began < 1.0
    assert again(run).state_reason == "stopped by Cleo"
    assert states(run) == {"long": "failed", "next": "waiting"}
    assert (tmp_path / "trail").read_text() == "begun\n"
    worker.hands.join(10)


def test_no_step_begins_once_the_stop_is_committed(tmp_path: Path) -> None:
    """Also when nobody has told the thread of the run."""
    write(*(step(f"shell id=s{number}", f"echo {number} >> {tmp_path}/trail; sleep 0.2") for number in range(20)))
    run = started(draft())
    taken = loop.claim()
    assert taken is not None

    def worker() -> None:
        loop.carry(taken)
        connection.close()

    thread = threading.Thread(target=worker)
    thread.start()
    until("the first", (tmp_path / "trail").exists)
    services.stop_all(person("cleo"))
    lines = len((tmp_path / "trail").read_text().split())
    thread.join()
    assert len((tmp_path / "trail").read_text().split()) <= lines + 1
    assert again(run).state == Run.State.STOPPED


def test_secrets_are_given_by_name_and_never_shown(tmp_path: Path) -> None:
    secrets.put("DB_PASSWORD", "hunter2!hunter2!")
    secrets.put("other", "an-other-secret")
    write(
        step(
            "shell id=say secrets=DB_PASSWORD",
            f'echo "$DB_PASSWORD" > {tmp_path}/got; echo "it is $DB_PASSWORD and $INPUT_key"; '
            'printf hunter2!; sleep 0.4; printf "hunter2!\\n"; tr "\\0" " " < /proc/$$/cmdline',
        ),
        inputs="[{name: key, type: secret}]",
    )
    run = done(draft(inputs={"key": "other"}))
    assert run.state == Run.State.DONE, run.state_reason
    assert (tmp_path / "got").read_text() == "hunter2!hunter2!\n"
    said = shelf.said(run)
    assert said.startswith("it is ••• and •••\n•••\n")
    assert "/dev/fd/" in said
    assert run.inputs == {"key": "other"}


def test_a_secret_that_is_missing_or_short_keeps_a_run_from_beginning() -> None:
    write(step("shell id=say secrets=nowhere", "true"))
    assert "secret 'nowhere' is not known" in done(draft()).state_reason
    secrets.put("nowhere", "abc")
    assert "too short to be hidden" in done(draft()).state_reason


@pytest.mark.parametrize(
    "value", ["$(touch {0}/never)", "`touch {0}/never`", "'; touch {0}/never; '", "{{{{ 7*7 }}}}", "-n", "*"]
)
def test_an_input_is_data_on_the_worker(tmp_path: Path, value: str) -> None:
    given_ = value.format(tmp_path)
    write(
        step("shell id=say", 'printf "%s\\n" "$INPUT_word"'),
        step("python id=also", "import os\nprint(os.environ['INPUT_word'])"),
        inputs="[{name: word}]",
    )
    run = done(draft(inputs={"word": given_}))
    assert shelf.said(run) == f"{given_}\n{given_}\n"
    assert not (tmp_path / "never").exists()


def test_what_changed_since_last_time_is_told() -> None:
    write(step("shell id=one", 'echo "$INPUT_who"'), inputs="[{name: who}]")
    first = done(draft(inputs={"who": "myself"}))
    write(step("shell id=one", 'echo hello "$INPUT_who"'), inputs="[{name: who}]")
    since = reading.since_last(person("cleo"), draft(inputs={"who": "you"}))
    assert since.last == first
    assert [(one.kind, one.text) for one in since.text if one.kind in {"added", "removed"}] == [
        ("removed", 'echo "$INPUT_who"'),
        ("added", 'echo hello "$INPUT_who"'),
    ]
    assert since.inputs == (("who", "myself", "you"),)
    assert [one.text for one in reading.search(person("ben"), "MYSELF")] == ["myself"]


def test_a_text_with_errors_is_no_version() -> None:
    with pytest.raises(ProblemError, match="line 8: unknown option"):
        books.save(person("ana"), text(step("shell id=a tmieout=3s", "true")))
    with pytest.raises(AccessError):
        books.save(person("ben"), text(step("shell id=a", "true")))
    with pytest.raises(ProblemError, match="no service 'nowhere'"):
        books.save(person("ana"), text(step("shell id=a", "true"), services="[nowhere]"))
