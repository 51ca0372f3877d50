"""What a verdict starts: a runbook under its guards, and a signed webhook that is tried until it is taken."""

import json
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.change.releases import deliveries, domain, loop, services
from mainstay.change.releases.domain import Begun
from mainstay.change.releases.models import Release, VerdictDelivery
from mainstay.change.releases.services import Wanted
from mainstay.config import read
from mainstay.core import clock, secrets, webhooks
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.restore.runbooks import services as runs
from mainstay.restore.runbooks.models import Run
from tests import engine
from tests.change.shop import plan, served
from tests.runbooks.shelf import freeze, person, said, step, work, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]
MINUTE = timedelta(minutes=1)
GONE = {"port": {"host": "127.0.0.1", "port": 1}}


@pytest.fixture(scope="module", autouse=True)
def store() -> Iterator[None]:
    with engine.running():
        yield


class Hook(BaseHTTPRequestHandler):
    """A receiver that answers with what it is told."""

    status: ClassVar[int] = 204
    seen: ClassVar[list[tuple[dict[str, str], bytes]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.seen.append(({name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(type(self).status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.seen.clear()
    Hook.status = 204
    with served(Hook) as base:
        yield f"{base}/verdicts/s3cret"


def failed(**wanted: Any) -> Release:
    """A release whose plan looks at a port that nobody listens on."""
    plan(GONE, **wanted)
    release = services.start(person("ben"), Wanted("pay", "4.1.8", "4.1.7"))
    services.finish(person("ben"), release.pk)
    return services.verify(person("ben"), release.pk)


def log_of(release: Release) -> str:
    return "\n".join(release.notes.values_list("text", flat=True))


def undo(**more: Any) -> dict[str, Any]:
    return {"on_failed": {"runbook": "back", "inputs": {"to": {"release": "previous"}, "why": "plan"}, **more}}


def shelf(**front: Any) -> None:
    write(step("shell id=say", 'echo "back to $INPUT_to"'), key="back", inputs="[{name: to}, {name: why}]", **front)


def test_a_failed_release_begins_its_runbook_once_and_is_rolled_back_by_it() -> None:
    shelf()
    release = failed(**undo(rolls_back=True))
    run = Run.objects.get()
    assert (release.undo_run, run.state, run.automatic) == (run, Run.State.WAITING, "release plan pay")
    services.verify(person("ben"), release.pk)
    assert Run.objects.count() == 1
    loop.run_due()
    work()
    assert said(run) == "back to 4.1.7\n"
    loop.run_due()
    release.refresh_from_db()
    assert (release.state, release.verdict) == ("rolled back", "failed")
    assert f"It has failed, so back begins as {run}." in log_of(release)
    assert f"{run} has ended, done" in log_of(release)
    deeds = AuditEntry.objects.filter(target=str(release)).values_list("action", flat=True)
    assert {"release.undo", "release.undo_ended", "release.roll_back"} <= set(deeds)


def test_a_run_that_takes_a_second_person_waits_for_that_person() -> None:
    shelf(approval="second person")
    release = failed(**undo())
    assert Run.objects.get().state == Run.State.REQUESTED
    assert "waits for approval" in log_of(release)
    runs.reject(person("ana"), Run.objects.get().pk, "Not now.")
    loop.run_due()
    assert "has ended, rejected" in log_of(release)
    release.refresh_from_db()
    assert release.state == "failed"


def test_one_that_did_not_help_is_not_begun_again_until_a_person_made_it_go_through() -> None:
    shelf()
    failed(**undo())
    runs.stop(person("ben"), Run.objects.get().pk)
    loop.run_due()
    again = failed(**undo())
    assert Run.objects.count() == 1
    assert "did not go through; run the book by hand once" in log_of(again)
    assert again.state == "failed"
    by_hand = runs.propose(person("ben"), "back", {"to": "4.1.7", "why": "it hangs"}, reason="By hand")
    runs.start(person("ben"), by_hand.pk)
    work()
    assert failed(**undo()).undo_run is not None


def test_a_runbook_that_cannot_begin_changes_no_verdict() -> None:
    shelf()
    release = failed(on_failed={"runbook": "back", "inputs": {"nothing": "x"}})
    assert release.state == "failed"
    assert "The runbook back does not begin: the book has no such input" in log_of(release)
    with pytest.raises(read.ConfigError, match="no book 'none'|there is no .*'none'"):
        plan(GONE, on_failed={"runbook": "none"})


def test_a_closed_gate_holds_the_runbook_and_not_the_verdict() -> None:
    shelf()
    plan(GONE, **undo())
    release = services.start(person("ben"), Wanted("pay", "4.1.8", "4.1.7"))
    services.finish(person("ben"), release.pk)
    freeze()
    services.verify(person("ben"), release.pk)
    work()
    run = Run.objects.get()
    assert run.state == Run.State.WAITING
    assert run.state_reason


@given(st.integers(0, 50), st.integers(1, 50), st.sampled_from(["", "RUN-3"]))
def test_limits(recent: int, most: int, stuck: str) -> None:
    found = domain.may_begin(Begun(recent, most, stuck))
    assert found.allowed is (recent < most and not stuck)
    assert bool(found.reason) is not found.allowed


def test_a_verdict_is_told_signed_once_a_change(hook: str) -> None:
    release = failed(on_verdict={"webhook": hook})
    services.verify(person("ben"), release.pk)
    assert deliveries.send_due() == 1
    assert deliveries.send_due() == 0
    ((headers, body),) = Hook.seen
    stamp = int(headers["webhook-timestamp"])
    assert headers["webhook-signature"] == webhooks.signature(headers["webhook-id"], stamp, body)
    told = json.loads(body)
    assert (told["type"], told["release"], told["verdict"]) == ("release.verdict", str(release), "failed")
    assert {"what": "port s0", "verdict": "failed"}.items() <= told["evidence"][-1].items()
    assert "The webhook took the verdict: HTTP 204." in log_of(release)
    audited = str(list(AuditEntry.objects.values_list("detail", flat=True)))
    assert "s3cret" not in log_of(release) + audited


def test_what_is_awaited_is_no_verdict_yet(hook: str) -> None:
    plan({"batch": {"metric": "never_comes", "by": "06:00"}}, on_verdict={"webhook": hook})
    release = services.start(person("ben"), Wanted("pay", "4.1.8"))
    services.finish(person("ben"), release.pk)
    services.verify(person("ben"), release.pk)
    assert not VerdictDelivery.objects.exists()
    with clock.moved(timedelta(hours=49)):
        loop.run_due()
        assert deliveries.send_due() == 1
    assert json.loads(Hook.seen[0][1])["verdict"] == "failed"


def test_a_webhook_is_tried_again_under_the_same_key_until_it_is_taken(hook: str) -> None:
    secrets.put("verdicts", hook)
    Hook.status = 503
    release = failed(on_verdict={"secret": "verdicts"})
    assert deliveries.send_due() == 1
    assert deliveries.send_due() == 0
    Hook.status = 204
    with clock.moved(timedelta(seconds=5)):
        assert deliveries.send_due() == 1
    assert len({headers["webhook-id"] for headers, _ in Hook.seen}) == 1
    assert VerdictDelivery.objects.get().state == "sent"
    assert log_of(release).count("The webhook") == 1


def test_a_webhook_that_refuses_or_never_answers_is_given_up_and_told(hook: str) -> None:
    Hook.status = 410
    release = failed(on_verdict={"webhook": hook})
    deliveries.send_due()
    assert "The webhook was not told, 1 tries: HTTP 410." in log_of(release)
    Hook.status = 500
    other = failed(on_verdict={"webhook": hook})
    for minutes in range(current().page_retries):
        with clock.moved(3 * minutes * MINUTE):
            assert deliveries.send_due() == 1
    assert f"The webhook was not told, {current().page_retries} tries: HTTP 500." in log_of(other)


def test_one_whose_worker_died_is_sent_when_its_lease_has_run_out(hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    failed(on_verdict={"webhook": hook})
    with monkeypatch.context() as patched:
        patched.setattr(deliveries, "_send", lambda pk: None)
        assert deliveries.send_due() == 1
    assert deliveries.send_due() == 0
    with clock.moved(timedelta(seconds=current().page_lease + current().send_timeout + 1)):
        assert deliveries.send_due() == 1
    assert len(Hook.seen) == 1


def rolled_out(wave: str = "wave", **front: Any) -> Release:
    """A release that a book rolls out."""
    write(step("shell id=say", 'echo "$INPUT_version in wave $INPUT_wave"'), key="out", **front)
    wanted = Wanted("pay", "4.1.8", "4.1.7", runbook="out", inputs={wave: "2"})
    return services.start(person("ben"), wanted)


ASKS = {"inputs": "[{name: version}, {name: wave}]"}


def test_a_runbook_rolls_a_release_out_and_its_end_finishes_it() -> None:
    release = rolled_out(**ASKS)
    run = Run.objects.get()
    assert (release.state, release.rollout_run, run.requested_name) == ("started", run, "Ben")
    loop.run_due()
    work()
    assert said(run) == "4.1.8 in wave 2\n"
    loop.run_due()
    release.refresh_from_db()
    assert release.state == "watched"
    assert f"out rolls it out, as {run}." in log_of(release)


def test_a_runbook_that_is_stopped_breaks_the_release_off() -> None:
    release = rolled_out(**ASKS)
    runs.stop(person("ben"), Run.objects.get().pk)
    loop.run_due()
    release.refresh_from_db()
    assert release.state == "broken off"
    assert "has ended, stopped by a person" in log_of(release)


def test_a_rollout_that_takes_a_second_person_waits_for_that_person() -> None:
    release = rolled_out(**ASKS, approval="second person")
    loop.run_due()
    assert Run.objects.get().state == Run.State.REQUESTED
    release.refresh_from_db()
    assert release.state == "started"


def test_a_runbook_that_cannot_begin_is_a_reason_for_no_release() -> None:
    with pytest.raises(ProblemError, match="no such input"):
        rolled_out("waves", **ASKS)
    with pytest.raises(ProblemError, match="no runbook 'none'"):
        services.start(person("ben"), Wanted("pay", "1", runbook="none"))
    assert not Release.objects.exists()
    assert not Run.objects.exists()
