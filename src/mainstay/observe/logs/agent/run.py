"""The agent's round: look, read, send, remember."""

import gzip
import json
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path

from mainstay.observe.logs.agent.follow import Follower
from mainstay.observe.logs.agent.lines import Record, records

_NUMBERS = {"trace": 1, "debug": 5, "info": 9, "warning": 13, "error": 17, "fatal": 21}
PAUSE = 0.3
BATCH = 5000


class AgentError(ValueError):
    """The agent cannot do its work; the text says what to do."""


def payload(service: str, path: str, found: Sequence[Record], now_ms: int) -> bytes:
    """Records as an OTLP/JSON export."""
    lines = [
        {
            "timeUnixNano": str((one.time_ms or now_ms) * 1_000_000),
            "severityNumber": _NUMBERS.get(one.level, 0),
            "body": {"stringValue": one.body},
            "traceId": one.trace_id if len(one.trace_id) == 32 else "",
            "attributes": [{"key": key, "value": {"stringValue": text}} for key, text in one.attributes.items()],
        }
        for one in found
    ]
    about = [
        {"key": "service.name", "value": {"stringValue": service}},
        {"key": "log.file.path", "value": {"stringValue": path}},
    ]
    export = {"resourceLogs": [{"resource": {"attributes": about}, "scopeLogs": [{"logRecords": lines}]}]}
    return gzip.compress(json.dumps(export).encode(), 1)


def post(url: str, token: str, body: bytes, stop: threading.Event, say: Callable[[str], None]) -> bool:
    """Send until it is accepted or refused for good. Returns false when told to stop before."""
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip", "Authorization": f"Bearer {token}"}
    wait = 0.5
    while not stop.is_set():
        try:
            request = urllib.request.Request(f"{url}/v1/logs", body, headers)  # noqa: S310 - checked to be http(s)
            with urllib.request.urlopen(request, timeout=20):  # noqa: S310
                return True
        except urllib.error.HTTPError as error:
            with error:
                if error.code in {401, 403}:
                    raise AgentError(f"{url} does not take the token (HTTP {error.code})") from error
                if error.code in {400, 413}:
                    say(f"{url} refused a batch (HTTP {error.code}); it is left out")
                    return True
                wait = float(error.headers.get("Retry-After") or wait)
        except (urllib.error.URLError, OSError) as error:
            say(f"{url} does not answer: {error}")
        stop.wait(wait)
        wait = min(wait * 2, 15.0)
    return False


def run(
    patterns: Sequence[tuple[str, str]],
    url: str,
    token: str,
    checkpoint: Path,
    stop: threading.Event,
    *,
    once: bool = False,
) -> int:
    """Follow until told to stop, or with ``once`` until everything that is there was sent. Returns how many records."""
    if not url.startswith(("http://", "https://")):
        raise AgentError("--to: write an http or https address")

    def say(text: str) -> None:
        print(f"mainstay tail: {text}", file=sys.stderr, flush=True)

    follower, sent = Follower(patterns, checkpoint), 0
    while not stop.is_set():
        follower.look()
        round_sent = 0
        for one, text, offset in follower.read():
            found = records(text)
            for start in range(0, len(found), BATCH):
                part = found[start : start + BATCH]
                if not post(url, token, payload(one.service, one.path, part, time.time_ns() // 1_000_000), stop, say):
                    return sent
            follower.accepted(one, offset)
            round_sent += len(found)
        if round_sent:
            follower.save()
            sent += round_sent
        elif once:
            break
        stop.wait(0.0 if round_sent and once else PAUSE)
    return sent
