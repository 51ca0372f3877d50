"""A tracker that speaks as GitHub, GitLab and Jira document it, on a real socket, and refuses what they would."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from mainstay.core import clock

TOKEN = "t0p-secret-token"
_BEGAN = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)


@dataclass
class Issue:
    number: int
    title: str
    body: Any
    labels: list[str]
    status: str = "open"
    why: str | None = None
    changed: int = 0
    comments: list[Any] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    writers: list[tuple[str, datetime]] = field(default_factory=list)

    def say(self, body: Any, who: str = "mainstay") -> int:
        """Write a comment and return its number."""
        self.comments.append(body)
        self.writers.append((who, clock.now()))
        return len(self.comments)

    def said(self) -> list[tuple[int, Any, str, str]]:
        """The (number, body, writer, time) of each comment."""
        return [
            (number, body, who, at.isoformat(timespec="milliseconds"))
            for number, (body, (who, at)) in enumerate(zip(self.comments, self.writers, strict=True), 1)
        ]


@dataclass
class Tracker:
    """Its issues, and how it shall misbehave: statuses to answer next, without or after doing what was asked."""

    address: str
    issues: list[Issue] = field(default_factory=list)
    calls: list[tuple[str, str]] = field(default_factory=list)
    refuse: list[int] = field(default_factory=list)
    lose: int = 0
    ticks: int = 0

    def tick(self) -> int:
        self.ticks += 1
        return self.ticks

    def issue(self, number: int) -> Issue:
        return self.issues[number - 1]

    def add(self, title: str, body: Any, labels: list[str]) -> Issue:
        self.issues.append(Issue(len(self.issues) + 1, title, body, labels, changed=self.tick()))
        return self.issues[-1]


def stamp(ticks: int) -> str:
    return (_BEGAN + timedelta(minutes=ticks)).strftime("%Y-%m-%dT%H:%M:%SZ")


def as_github(one: Issue) -> dict[str, Any]:
    return {
        "number": one.number,
        "html_url": f"https://github.example/acme/shop/issues/{one.number}",
        "title": one.title,
        "body": one.body,
        "state": "closed" if one.status == "closed" else "open",
        "state_reason": one.why,
        "labels": [{"name": label} for label in one.labels],
        "updated_at": stamp(one.changed),
    }


def as_gitlab(one: Issue) -> dict[str, Any]:
    return {
        "iid": one.number,
        "web_url": f"https://gitlab.example/acme/shop/-/issues/{one.number}",
        "title": one.title,
        "description": one.body,
        "state": "closed" if one.status == "closed" else "opened",
        "labels": one.labels,
        "updated_at": stamp(one.changed),
    }


STATUSES = {
    "open": ("To Do", "new"),
    "working": ("In Progress", "indeterminate"),
    "closed": ("Done", "done"),
    "refused": ("Won't do", "done"),
}


def as_jira(one: Issue) -> dict[str, Any]:
    name, category = STATUSES[one.status]
    return {
        "id": str(10_000 + one.number),
        "key": f"PAY-{one.number}",
        "fields": {
            "summary": one.title,
            "status": {"name": name, "statusCategory": {"key": category}},
            "updated": (_BEGAN + timedelta(minutes=one.changed)).strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "attachment": one.files,
        },
    }


class _Refused(Exception):
    pass


def _need(condition: bool, why: str) -> None:
    if not condition:
        raise _Refused(why)


def _file(body: bytes, kind: str) -> tuple[str, bytes]:
    """The one file of a form."""
    edge = kind.partition("boundary=")[2].encode()
    head, _, content = body.removeprefix(b"--" + edge + b"\r\n").partition(b"\r\n\r\n")
    named = re.search(rb'name="file"; filename="([^"]+)"', head)
    _need(named is not None and body.endswith(b"\r\n--" + edge + b"--\r\n"), "no form with a file")
    assert named is not None
    return named[1].decode(), content.removesuffix(b"\r\n--" + edge + b"--\r\n")


def github(tracker: Tracker, method: str, path: str, query: dict[str, str], body: Any, head: Any) -> tuple[int, Any]:
    _need(head["Authorization"] == f"Bearer {TOKEN}" and head["X-GitHub-Api-Version"] == "2022-11-28", "headers")
    base = "/repos/acme/shop/issues"
    if (method, path) == ("POST", base):
        _need(set(body) <= {"title", "body", "labels"} and isinstance(body["labels"], list), "fields")
        return 201, as_github(tracker.add(body["title"], body["body"], body["labels"]))
    if (method, path) == ("GET", base):
        _need(query["state"] == "all", "state")
        return 200, [as_github(one) for one in reversed(tracker.issues)]
    found = re.fullmatch(rf"{base}/(\d+)(/comments)?", path)
    _need(found is not None, "path")
    assert found is not None
    one = tracker.issue(int(found[1]))
    if found[2]:
        if method == "POST":
            return 201, {"id": one.say(body["body"]), "body": body["body"]}
        _need("since" in query, "the first page has the oldest")
        return 200, [
            {"id": number, "body": text, "user": {"login": who}, "created_at": at}
            for number, text, who, at in one.said()
            if datetime.fromisoformat(at) >= datetime.fromisoformat(query["since"])
        ]
    if method == "PATCH":
        _need(body["state"] in {"open", "closed"}, "state")
        one.status, one.why, one.changed = body["state"], body.get("state_reason"), tracker.tick()
    return 200, as_github(one)


def gitlab(tracker: Tracker, method: str, path: str, query: dict[str, str], body: Any, head: Any) -> tuple[int, Any]:
    _need(head["PRIVATE-TOKEN"] == TOKEN, "token")
    base = "/api/v4/projects/acme%2Fshop"
    if (method, path) == ("POST", f"{base}/issues"):
        _need(isinstance(body.get("labels", ""), str), "labels are one text")
        return 201, as_gitlab(tracker.add(body["title"], body["description"], body.get("labels", "").split(",")))
    if (method, path) == ("GET", f"{base}/issues"):
        return 200, [as_gitlab(one) for one in reversed(tracker.issues)]
    if (method, path) == ("POST", f"{base}/uploads"):
        name, _ = _file(body, head["Content-Type"])
        return 201, {"url": f"/uploads/1/{name}", "markdown": f"[{name}](/uploads/1/{name})"}
    found = re.fullmatch(rf"{base}/issues/(\d+)(/notes)?", path)
    _need(found is not None, "path")
    assert found is not None
    one = tracker.issue(int(found[1]))
    if found[2]:
        if method == "POST":
            return 201, {"id": one.say(body["body"]), "body": body["body"]}
        own = {"id": 900, "body": "changed the title", "system": True, "author": {"username": "dev"}}
        return 200, [
            {"id": number, "body": text, "system": False, "author": {"username": who}, "created_at": at}
            for number, text, who, at in reversed(one.said())
        ] + [{**own, "created_at": clock.now().isoformat()}]
    if method == "PUT":
        _need(body["state_event"] in {"close", "reopen"}, "state_event")
        one.status, one.changed = {"close": "closed", "reopen": "open"}[body["state_event"]], tracker.tick()
    return 200, as_gitlab(one)


def _jira_text(version: str, text: Any) -> None:
    if version == "2":
        _need(isinstance(text, str), "version 2 takes wiki markup")
    else:
        _need(isinstance(text, dict) and text["type"] == "doc" and text["version"] == 1, "version 3 takes documents")


def jira(tracker: Tracker, method: str, path: str, query: dict[str, str], body: Any, head: Any) -> tuple[int, Any]:
    found = re.match(r"/rest/api/([23])/(.*)", path)
    _need(found is not None, "path")
    assert found is not None
    version, rest = found[1], found[2]
    both = base64.b64encode(f"ana@acme.example:{TOKEN}".encode()).decode()
    _need(head["Authorization"] == (f"Bearer {TOKEN}" if version == "2" else f"Basic {both}"), "authorization")
    if (method, rest) == ("POST", "issue"):
        fields = body["fields"]
        _need(fields["project"] == {"key": "PAY"} and fields["issuetype"] == {"name": "Bug"}, "fields")
        _need(all(" " not in label for label in fields["labels"]), "labels have no spaces")
        _jira_text(version, fields["description"])
        one = tracker.add(fields["summary"], fields["description"], fields["labels"])
        return 201, {"id": str(10_000 + one.number), "key": f"PAY-{one.number}", "self": "…"}
    if (method, rest) == ("GET", "search" if version == "2" else "search/jql"):
        wanted = re.fullmatch(r'project = "PAY" AND labels = "([^"]+)"', query["jql"])
        _need(wanted is not None, "jql")
        assert wanted is not None
        return 200, {"issues": [as_jira(one) for one in tracker.issues if wanted[1] in one.labels]}
    found = re.fullmatch(r"issue/PAY-(\d+)(?:/(comment|transitions|attachments))?", rest)
    _need(found is not None, "path")
    assert found is not None
    one, part = tracker.issue(int(found[1])), found[2]
    if part is None:
        return 200, as_jira(one)
    if part == "attachments":
        _need(head["X-Atlassian-Token"] == "no-check", "X-Atlassian-Token")
        name, content = _file(body, head["Content-Type"])
        one.files.append({"filename": name, "size": len(content)})
        return 200, one.files[-1:]
    return _jira_part(tracker, one, part, method, version, body)


def _jira_part(tracker: Tracker, one: Issue, part: str, method: str, version: str, body: Any) -> tuple[int, Any]:
    if part == "comment" and method == "POST":
        _jira_text(version, body["body"])
        return 201, {"id": str(one.say(body["body"]))}
    if part == "comment":
        found = [
            {"id": str(number), "body": text, "author": {"displayName": who}, "created": at}
            for number, text, who, at in reversed(one.said())
        ]
        return 200, {"comments": found}
    reached = [status for status in STATUSES if status != one.status]
    if method == "POST":
        one.status, one.changed = reached[int(body["transition"]["id"]) - 1], tracker.tick()
        return 204, None
    ways = [
        {"id": str(at), "to": {"name": STATUSES[name][0], "statusCategory": {"key": STATUSES[name][1]}}}
        for at, name in enumerate(reached, 1)
    ]
    return 200, {"transitions": ways}


@contextmanager
def running(speaks: Any) -> Iterator[Tracker]:
    """A tracker that speaks one of the three."""

    class Handler(BaseHTTPRequestHandler):
        def _serve(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            is_json = self.headers.get("Content-Type", "").startswith("application/json")
            tracker.calls.append((self.command, unquote(parts.path)))
            if tracker.refuse:
                return self._answer(tracker.refuse.pop(0), {"message": "not now"})
            try:
                body = json.loads(data) if is_json else data
                status, answer = speaks(tracker, self.command, parts.path, query, body, self.headers)
            except (_Refused, KeyError, IndexError, TypeError) as error:
                return self._answer(400, {"message": repr(error), "errorMessages": []})
            if tracker.lose:
                tracker.lose -= 1
                status, answer = 502, None
            return self._answer(status, answer)

        do_GET = do_POST = do_PUT = do_PATCH = _serve  # noqa: N815 - http.server names them so

        def _answer(self, status: int, answer: Any) -> None:
            body = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        tracker = Tracker(f"http://127.0.0.1:{server.server_port}")
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield tracker
        server.shutdown()
