"""The worker: every loop of every room, in one process.

It may be killed at any moment. What it was doing stands in the database as rows that the next worker takes up.
"""

import gc
import hashlib
import logging
import os
import signal
import socket
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

from django.db import close_old_connections, connection

from mainstay.change.configs import loop as configs
from mainstay.change.configs import services as configurations
from mainstay.change.maintenance import loop as maintenance
from mainstay.change.releases import deliveries as verdicts
from mainstay.change.releases import loop as releases
from mainstay.change.supportability import services as supportability
from mainstay.core import clock, doorbell, feed, heartbeat, people
from mainstay.core.settings import current
from mainstay.faces.mcp import assistant
from mainstay.faces.run.loops import HANGS_AFTER, Loop
from mainstay.learn.assistant.services import longest_talk
from mainstay.learn.diagnosis.loop import Diagnoses
from mainstay.learn.drills import loop as drills
from mainstay.learn.escalation import loop as cases
from mainstay.learn.escalation import services as escalation
from mainstay.learn.problems.loop import Problems
from mainstay.learn.reports import loop as reports
from mainstay.learn.trackers import sending as trackers
from mainstay.observe.checks.loop import Checks
from mainstay.observe.intake import services as intake
from mainstay.observe.logs.metering.loop import LogMetrics
from mainstay.observe.logs.rules import evaluate as log_rules
from mainstay.observe.metrics import loop as metrics
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.alerts import services as alerts
from mainstay.respond.clocks import loop as clocks
from mainstay.respond.comms import services as comms
from mainstay.respond.incidents import services as incidents
from mainstay.respond.known import asking
from mainstay.respond.known.follow import Follow
from mainstay.respond.objectives import loop as objectives
from mainstay.respond.oncall import services as oncall
from mainstay.respond.paging import services as paging
from mainstay.restore.runbooks import directory as runbooks
from mainstay.restore.runbooks.execution.loop import Runs
from mainstay.restore.runbooks.looks import Looks
from mainstay.restore.runbooks.remedies import services as remedies
from mainstay.restore.sqldesk.correct.execution import Corrections
from mainstay.restore.sqldesk.jobs.execution import Jobs

log = logging.getLogger(__name__)

# A loop that is behind by so many seconds is said to be.
LATE_AFTER = 30.0


class Worker:
    """All loops. ``run`` returns when the process is told to stop."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        # The same after a restart on the same data, and short enough for its column.
        place = hashlib.sha256(str(current().data_dir).encode()).hexdigest()[:12]
        self.name = f"{socket.gethostname()[:60]}:{place}"
        self._senders = ThreadPoolExecutor(current().page_senders, thread_name_prefix="sender")
        self._sending: dict[int, Future[None]] = {}
        self._renewed = 0.0
        self.rules = metrics.Rules(partial(log_rules.breaches, up_since=clock.now()))
        self.scrapes = metrics.Scrapes()
        self.log_metrics = LogMetrics()
        self.checks = Checks()
        looks = Looks()
        self.looks = Checks(looks.execute, looks.end_all, books=True)
        # Where the database is a file, everybody who writes to it rings here, and a look without a ring is for a ring
        # that got lost; other machines do not ring.
        patience = 2.0 if connection.vendor == "sqlite" else 1.0
        self.inbox = Loop("inbox", 0.5 * patience, self._drain_inbox)
        self.pages = Loop("paging", 2.0, self._deliver)
        self.jobs = Loop("jobs", 2.0 * patience, Jobs().run_due)
        self.runbooks = Runs()
        self.runs = Loop("runbooks", 2.0, self.runbooks.run_due)
        self.corrections = Loop("corrections", 2.0 * patience, Corrections().run_due)
        self.rules_loop = Loop("rules", 0.5, self.rules.run_due)
        self.cases = Loop("cases for developers", 15.0, cases.run_due, HANGS_AFTER + current().escalation_build_seconds)
        self.releases = Loop("releases", 15.0, releases.run_due, HANGS_AFTER + current().release_plan_seconds)
        self.loops = [
            self.cases,
            self.inbox,
            self.pages,
            self.rules_loop,
            self.corrections,
            self.jobs,
            self.runs,
            Loop("remedies", 5.0, remedies.run_due),
            Loop("runbook files", 5.0, runbooks.Directory().read_due),
            Loop("escalations", 2.0, oncall.run_due),
            Loop("notices", 5.0, comms.send_due),
            Loop("reports", 30.0, reports.run_due),
            Loop("clocks", 10.0, clocks.run_due),
            Loop("objectives", float(current().slo_every_seconds), objectives.run_due),
            Loop("maintenance", 10.0, maintenance.run_due),
            self.releases,
            Loop("verdicts", 5.0, verdicts.send_due),
            Loop("configuration", 10.0, configs.run_due, HANGS_AFTER + current().config_timeout),
            Loop("texts of configuration", 6 * 3600.0, configurations.prune),
            Loop("diagnosis", 3.0, Diagnoses().run_due),
            Loop("trackers", 15.0, trackers.run_due, HANGS_AFTER + 40 * current().tracker_timeout),
            Loop("drills", 5.0, drills.run_due),
            Loop("assistant", 5.0, assistant.run_due, HANGS_AFTER + longest_talk().total_seconds()),
            Loop("problems", 20.0, Problems().run_due, HANGS_AFTER + 300),
            Loop("supportability", 600.0, supportability.review_due),
            Loop("scrapes", 0.5, self.scrapes.run_due),
            Loop("checks", 1.0, self.checks.run_due),
            Loop("checks by runbook", 2.0, self.looks.run_due),
            Loop("known errors", 3.0, Follow().run_due),
            Loop("log metrics", 1.0, self.log_metrics.run_due),
            Loop("follow-up", 5.0, self._follow_up),
            Loop("auditor", 15.0, self._audit),
            Loop("housekeeping", 60.0, self._tidy),
        ]
        self._found: list[str] = []

    def _drain_inbox(self) -> int:
        done = alerts.drain()
        if done:
            self.pages.wake.set()
        return done

    def _deliver(self) -> int:
        self._sending = {pk: future for pk, future in self._sending.items() if not future.done()}
        if self._sending and time.monotonic() - self._renewed > current().page_lease / 4:
            self._renewed = time.monotonic()
            paging.renew(self.name, list(self._sending))
        free = current().page_senders - len(self._sending)
        taken = paging.claim(self.name, free) if free > 0 else []
        for pk in taken:
            self._sending[pk] = self._senders.submit(self._send, pk)
        return len(taken)

    def _send(self, pk: int) -> None:
        close_old_connections()
        try:
            paging.deliver(pk)
        except Exception:
            # The lease runs out and the attempt is taken again.
            log.exception("attempt %s could not be worked off", pk)
            connection.close()
        finally:
            self.pages.wake.set()

    def _follow_up(self) -> None:
        alerts.expire()
        alerts.open_what_was_held()
        incidents.wake_snoozed()
        oncall.hasten_hopeless()

    def _audit(self) -> None:
        self._found = incidents.audit_escalations()
        for sentence in self._found:
            log.warning("auditor: %s", sentence)
        alerts.reopen_still_firing()

    def _tidy(self) -> None:
        feed.prune()
        people.prune_tries()
        intake.prune()
        runbooks.prune()
        escalation.prune()
        objectives.prune()
        trackers.prune()
        asking.ask()

    def run(self) -> None:
        """Start the loops and keep watch over them."""
        paging.release_own(self.name)
        listener = doorbell.Listener()
        threads = [
            threading.Thread(target=one.run, args=(self.stop,), name=one.name, daemon=True) for one in self.loops
        ]
        threads.append(threading.Thread(target=telemetry.run_drainer, args=(self.stop,), name="drainer", daemon=True))
        for thread in threads:
            thread.start()
        log.info("worker is running, pid %d", os.getpid())
        beat_at = 0.0
        while not self.stop.is_set():
            self._hear(listener.wait(1.0))
            if time.monotonic() >= beat_at:
                beat_at = time.monotonic() + 5
                self._beat()
        listener.close()
        for one in self.loops:
            one.wake.set()
        deadline = time.monotonic() + 8
        self.runbooks.drain(5)
        for thread in threads:
            thread.join(max(deadline - time.monotonic(), 0.1))
        self.checks.stop()
        self.looks.stop()
        self._senders.shutdown(wait=True, cancel_futures=True)

    def _hear(self, rings: list[tuple[str, Any]]) -> None:
        for what, detail in rings:
            if what == doorbell.INBOX:
                self.inbox.wake.set()
            elif what == doorbell.PAGES:
                self.pages.wake.set()
            elif what == doorbell.SQL:
                self.corrections.wake.set()
                self.jobs.wake.set()
            elif what == doorbell.CASES:
                self.cases.wake.set()
            elif what == doorbell.RELEASES:
                self.releases.wake.set()
            elif what == doorbell.RUNS:
                self.runs.wake.set()
            elif what == doorbell.SAMPLES:
                self.rules.samples_came(detail)
                self.rules_loop.wake.set()

    def _beat(self) -> None:
        now = time.monotonic()
        stuck = now - telemetry.drainer_round[0] > 60
        beats = [
            ("worker", True, f"pid {os.getpid()}"),
            ("worker: telemetry", not stuck, "telemetry waits on disk for the engine" if stuck else ""),
        ]
        for one in self.loops:
            behind = one.overdue(now)
            late = behind > LATE_AFTER
            detail = one.error or (f"no round for {behind:.0f} s" if late else "")
            if one.name == "auditor" and self._found:
                detail = "; ".join(self._found)
            beats.append((f"worker: {one.name}", not one.error and not late, detail))
            if behind > one.hangs_after:
                log.error("loop %s hangs; ending so that a new worker takes over", one.name)
                os._exit(70)
        try:
            heartbeat.beat_all(beats)
        except Exception:
            log.exception("no sign of life could be left")
            connection.close()


def main() -> None:
    """Run a worker until SIGTERM or SIGINT."""
    worker = Worker()
    # What stands now stands until the end: without it, each search for rubbish would walk through all of it, which
    # costs as much as the work itself where many rows are held at once.
    gc.collect()
    gc.freeze()

    def end(*_: object) -> None:
        worker.stop.set()

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)
    worker.run()
