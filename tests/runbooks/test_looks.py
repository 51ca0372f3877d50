"""Books that only look, as health checks: what may be scheduled, what it says, and what ends it."""

from pathlib import Path

import pytest

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import inbox, secrets
from mainstay.core.access import LOCAL
from mainstay.core.models import InboxItem
from mainstay.faces.bench import sshd
from mainstay.observe.checks.loop import Checks
from mainstay.observe.checks.models import Check, CheckRun
from mainstay.restore.runbooks.looks import Looks
from mainstay.restore.runbooks.models import Run
from tests.runbooks.shelf import host, step, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]


def apply(more: str = "") -> None:
    config.apply(LOCAL, read.read([("checks.yaml", f"checks: [{{key: look, runbook: fix, service: pay{more}}}]")]))


def run_due() -> CheckRun:
    looks = Looks()
    loop = Checks(looks.execute, looks.end_all, books=True)
    assert loop.run_due() == 1
    loop.wait()
    return CheckRun.objects.latest("pk")


def test_a_book_of_checks_says_ok_and_then_what_does_not_hold(tmp_path: Path) -> None:
    sign = tmp_path / "well"
    write(
        step("check id=first", 'echo "in $INPUT_region | load=3"'),
        step("wait id=rest", "1ms"),
        step('check id=sign title="The sign is there"', f"test -e {sign}"),
        inputs="[{name: region}]",
    )
    apply(", inputs: {region: $(id)}")
    sign.touch()
    found = run_due()
    assert (found.state, found.text, found.code) == ("ok", "Fix fix: 3 steps went through", None)
    assert "in $(id) | load=3" in found.output
    assert found.measures == []
    sign.unlink()
    Check.objects.update(next_at="2020-01-01T00:00Z")
    found = run_due()
    assert (found.state, found.text) == ("critical", "The sign is there: exit code 1")
    assert InboxItem.objects.get().payload["labels"]["state"] == "critical"
    inbox.drain("alert", lambda items: None, 500)
    assert not Run.objects.exists()


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        ([step("shell id=restart", "true")], r"its step restart \(shell\) may change something"),
        ([step("check id=a", "true"), step("ask id=who", "Who?")], "its step who waits for a person"),
        ([step("manual id=pull", "Pull.")], "its step pull waits for a person"),
        ([step("http id=push", "url: http://127.0.0.1:1/\nmethod: POST")], r"its step push \(http\) may change"),
    ],
)
def test_a_book_that_does_more_than_look_is_refused_by_step(steps: list[str], said: str) -> None:
    write(*steps)
    with pytest.raises(read.ConfigError, match=said):
        apply()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (", inputs: {colour: red}", "inputs.colour"),
        (", env: {A: b}", "takes its values by inputs"),
        (', command: ["true"]', "one of the three"),
    ],
)
def test_what_is_wrong_with_the_entry_is_named(more: str, said: str) -> None:
    write(step("check id=a", "true"))
    with pytest.raises(read.ConfigError, match=said):
        apply(more)


def test_a_book_that_is_not_there_is_named() -> None:
    with pytest.raises(read.ConfigError, match="runbook fix"):
        apply()


def test_a_book_that_changed_since_is_not_run(tmp_path: Path) -> None:
    write(step("check id=a", "true"))
    apply()
    write(step("shell id=restart", f"touch {tmp_path}/ran"))
    found = run_due()
    assert (found.state, "step restart" in found.text) == ("unknown", True)
    assert not (tmp_path / "ran").exists()


def test_it_is_ended_at_its_time_limit() -> None:
    write(step("check id=a", "sleep 60"))
    apply(", timeout: 300ms")
    found = run_due()
    assert (found.state, found.text) == ("unknown", "It did not end within 0.3 s")
    assert Check.objects.get().slow


def test_a_worker_that_stops_ends_it_and_it_is_due_again(tmp_path: Path) -> None:
    write(step("check id=a", f"mkfifo {tmp_path}/began; echo > {tmp_path}/began; sleep 60"))
    apply()
    looks = Looks()
    loop = Checks(looks.execute, looks.end_all, books=True)
    assert loop.run_due() == 1
    loop.stop()
    assert not CheckRun.objects.exists()
    assert Check.objects.get().last_at is None


def test_programs_and_books_have_loops_of_their_own() -> None:
    write(step("check id=a", "true"))
    apply()
    assert Checks().run_due() == 0


def test_secrets_of_its_steps_are_hidden_and_a_missing_one_is_named() -> None:
    write(step("check id=a secrets=door", 'echo "$door"'))
    apply()
    assert "door" in run_due().text
    secrets.put("door", "very-secret-key")
    Check.objects.update(next_at="2020-01-01T00:00Z")
    found = run_due()
    assert found.state == "ok"
    assert "very-secret-key" not in found.output


def test_it_looks_on_every_target(ssh_server: sshd.Server) -> None:
    for key in ("one", "two"):
        host(key, ssh_server.address, secret="deploy", host_key=ssh_server.host_key)
    write(step("check id=a target=each", 'test "$RUNBOOK_TARGET" = one'), targets="{hosts: [one, two]}")
    apply()
    found = run_due()
    assert (found.state, found.text) == ("critical", "a on two: exit code 1")
    assert "a on one: exit code 0" in found.output


def test_it_comes_back_from_an_export_as_it_was() -> None:
    write(step("check id=a", "true"))
    apply()
    text = config.export(LOCAL)
    changes = [one for one in config.plan(read.read([("checks.yaml", text)])) if one.section == "checks"]
    assert changes == []
