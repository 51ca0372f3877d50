"""Kill -9 under load: what was acknowledged must arrive, no step be skipped, nobody be paged twice for one step."""

import json
import os
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass

from mainstay.faces.bench.installation import Installation, MailServer, installation

RATE, BATCH, GROUPS = 500, 10, 12
ROLES = ("web", "worker", "engine")
CONFIGURATION = """
people:
  - {email: ana@bench.example, name: Ana, role: admin, contact: [{channel: mail}]}
  - {email: ben@bench.example, name: Ben, role: responder, contact: [{channel: mail}]}
escalation_policies:
  - key: everything
    default: true
    repeat: 0
    steps:
      - {people: [ana@bench.example], wait: 4s}
      - {people: [ben@bench.example], wait: 1h}
"""


@dataclass(frozen=True)
class Outcome:
    """What one run found. Everything but the first four must be nothing.

    ``paged_twice`` counts every mail beyond the first for one step and person. ``same_message`` says how many of them
    were the same message once more, under the same Message-ID, because its sender was killed between the mail server's
    answer and its own note of it.
    """

    seed: int
    kills: int
    accepted: int
    incidents: int
    alerts_lost: int
    samples_lost: int
    steps_skipped: int
    batches_refused: int
    paged_twice: int
    same_message: int

    @property
    def held(self) -> bool:
        """Whether every promise was kept, and there was something to keep."""
        broken = self.alerts_lost + self.samples_lost + self.steps_skipped + self.batches_refused + self.paged_twice
        return not broken and self.accepted > 0 and self.kills > 0


class _Stream:
    """Sends alerts and samples at a steady pace and notes what was acknowledged."""

    def __init__(self, here: Installation, stop: threading.Event) -> None:
        self._here, self._stop = here, stop
        self.alerts: set[str] = set()
        self.samples: set[int] = set()

    def run(self) -> None:
        number = 0
        while not self._stop.is_set():
            began = time.monotonic()
            names = [f"a{number + place}" for place in range(BATCH)]
            body = [
                {
                    "labels": {
                        "alertname": name,
                        "incident_group": f"g{(number + place) % GROUPS}",
                        "severity": "critical",
                    }
                }
                for place, name in enumerate(names)
            ]
            if self._here.post("/api/v2/alerts", body, 10) == 200:
                self.alerts.update(names)
            if number % (BATCH * 5) == 0 and self._here.post("/v1/metrics", _sample(number), 10) == 200:
                self.samples.add(number)
            number += BATCH
            self._stop.wait(max(BATCH / RATE - (time.monotonic() - began), 0))


def _sample(number: int) -> dict[str, object]:
    own = [{"key": "number", "value": {"stringValue": str(number)}}]
    point = {"timeUnixNano": str(time.time_ns()), "asDouble": 1.0, "attributes": own}
    metrics = [{"name": "crash_number", "gauge": {"dataPoints": [point]}}]
    return {"resourceMetrics": [{"scopeMetrics": [{"metrics": metrics}]}]}


def run(seed: int, seconds: float = 8.0) -> Outcome:
    """One run: a stream for some seconds, kills at random moments, then time to settle, then the count."""
    chance = random.Random(seed)  # noqa: S311 - for moments, not for secrets
    with installation(CONFIGURATION, {"PAGE_LEASE": "3"}) as (here, server):
        here.up()
        stop = threading.Event()
        stream = _Stream(here, stop)
        thread = threading.Thread(target=stream.run)
        thread.start()
        kills, ends = 0, time.monotonic() + seconds
        while time.monotonic() < ends:
            time.sleep(chance.uniform(0.3, 1.6))
            pid = here.pids().get(chance.choice(ROLES))
            if pid:
                os.kill(pid, signal.SIGKILL)
                kills += 1
        stop.set()
        thread.join()
        _settle(here, server)
        return _count(seed, kills, stream, here, server)


def _settle(here: Installation, server: MailServer) -> None:
    """Wait until everything answers, the inbox and the spool are empty, and no mail has come for a while."""
    deadline = time.monotonic() + 90
    quiet_since, seen = time.monotonic(), -1
    while time.monotonic() < deadline:
        time.sleep(0.25)
        if len(server.mails) != seen or not here.answers() or here.spool_waits():
            quiet_since, seen = time.monotonic(), len(server.mails)
        elif time.monotonic() - quiet_since > 6:
            return


def _count(seed: int, kills: int, stream: _Stream, here: Installation, server: MailServer) -> Outcome:
    alerts = {row["name"] for row in json.loads(here.command("alerts", "list", "--limit", "100000", "--json"))}
    incidents = json.loads(here.command("incidents", "list", "--limit", "1000", "--json"))
    pages = json.loads(here.command("pages", "list", "--limit", "1000", "--json"))
    due = {(one["ref"], person) for one in incidents for person in ("Ana", "Ben")}
    told = {(one["incident"], one["person"]) for one in pages if "mail sent" in one["deliveries"]}
    steps = Counter((mail.to, mail.subject.partition(":")[0]) for mail in server.mails)
    messages = {(mail.to, mail.message_id) for mail in server.mails}
    found = json.loads(here.command("query", "crash_number", "--json"))
    stored = {int(one["labels"]["number"]) for one in found}
    return Outcome(
        seed=seed,
        kills=kills,
        accepted=len(stream.alerts),
        incidents=len(incidents),
        alerts_lost=len(stream.alerts - alerts),
        samples_lost=len(stream.samples - stored),
        steps_skipped=len(due - told),
        batches_refused=len(list((here.home / "data" / "spool" / "refused").glob("*.batch"))),
        paged_twice=sum(count - 1 for count in steps.values()),
        same_message=len(server.mails) - len(messages),
    )
