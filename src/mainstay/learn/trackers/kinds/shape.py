"""What every kind of tracker is asked and answers. Each is a module with these functions; none of them does I/O."""

import hashlib
import hmac
import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from dateutil.parser import isoparse, parse

from mainstay.learn.trackers.domain import Heard, Note, Seen, State


@dataclass(frozen=True)
class Place:
    """Where issues are made, as the configuration says it."""

    address: str
    project: str
    user: str = ""
    api: str = ""
    issue_type: str = ""
    labels: Sequence[str] = ()
    states: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Request:
    """One call to a tracker: the path below its address, and the body."""

    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Draft:
    """An issue to be made. The body is Markdown; ``key`` marks it, so that it is found before it is made twice."""

    key: str
    title: str
    body: str


class Kind(Protocol):
    """One kind of tracker."""

    NAME: str

    def headers(self, place: Place, secret: str) -> dict[str, str]:
        """What every call carries."""

    def find(self, place: Place, key: str, since: datetime) -> Request:
        """Look for an issue with this mark, made since then."""

    def found(self, place: Place, answer: Any, key: str) -> Seen | None:
        """The issue with this mark, among those that were answered."""

    def create(self, place: Place, draft: Draft) -> Request:
        """Make an issue."""

    def created(self, place: Place, answer: Any) -> Seen:
        """The issue that was made."""

    def read(self, place: Place, number: str) -> Request:
        """Look at an issue."""

    def seen(self, place: Place, answer: Any) -> Seen:
        """The issue that was looked at."""

    def comments(self, place: Place, number: str, since: datetime) -> Request:
        """Look at the comments since then, as many as one page has; older ones may be among them."""

    def notes(self, answer: Any) -> list[Note]:
        """Those of people and of Mainstay, without what the tracker writes by itself."""

    def comment(self, place: Place, number: str, text: str, key: str) -> Request:
        """Write a comment, with a mark."""

    def ways(self, place: Place, number: str) -> Request | None:
        """Ask which states can be reached, where that has to be asked."""

    def move(self, place: Place, number: str, state: State, ways: Any) -> Request | None:
        """Change the state; nothing when no way leads there."""

    def files(self, place: Place, number: str) -> Request | None:
        """Ask which files the issue has, where a file is a thing of its own there."""

    def has_file(self, answer: Any, name: str, size: int) -> bool:
        """Whether a file of this name and size is among them."""

    def attach(self, place: Place, number: str, name: str, content: bytes) -> Request | None:
        """Attach a file; nothing when the tracker takes none."""

    def attached(self, answer: Any) -> str:
        """What a comment has to say for the file to be seen; empty when it is attached already."""

    def is_signed(self, headers: Mapping[str, str], body: bytes, secret: str) -> bool:
        """Whether a webhook comes from who has the secret. It takes the same time whatever is wrong."""

    def heard(self, place: Place, headers: Mapping[str, str], posted: Mapping[str, Any]) -> Heard | None:
        """What a webhook says of an issue of this place; nothing when it is about something else."""


def sending(method: str, path: str, data: Mapping[str, Any]) -> Request:
    """A call with a JSON object."""
    return Request(method, path, json.dumps(data, ensure_ascii=False).encode(), {"Content-Type": "application/json"})


def upload(path: str, name: str, content: bytes, extra: Mapping[str, str] | None = None) -> Request:
    """A call with one file in the field ``file`` of a form (RFC 7578)."""
    edge = f"mainstay-{uuid.uuid4().hex}"
    safe = "".join(letter if letter.isprintable() and letter not in '"\\' else "_" for letter in name)
    head = (
        f'--{edge}\r\nContent-Disposition: form-data; name="file"; filename="{safe}"\r\n'
        "Content-Type: application/octet-stream\r\n\r\n"
    )
    body = head.encode() + content + f"\r\n--{edge}--\r\n".encode()
    return Request("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={edge}", **(extra or {})})


def hidden_mark(key: str) -> str:
    """A mark that Markdown does not show."""
    return f"<!-- mainstay:{key} -->"


def visible_mark(key: str) -> str:
    """A mark that a reader may pass over, where none can be hidden."""
    return f"[mainstay:{key}]"


def carries(text: str, key: str) -> bool:
    """Whether a text carries the mark of this key."""
    return hidden_mark(key) in text or visible_mark(key) in text


def is_ours(text: str) -> bool:
    """Whether a comment was written by Mainstay: it carries a mark."""
    return "<!-- mainstay:" in text or "[mainstay:" in text


def hmac_fits(given: str, body: bytes, secret: str) -> bool:
    """Whether this is ``sha256=`` and the HMAC of the body, compared in constant time."""
    wanted = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.encode(), wanted.encode())


def moment(text: Any) -> datetime | None:
    """A time as trackers write it: ISO 8601, or GitLab's older ``2026-03-01 02:00:00 UTC``."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = isoparse(text)
    except ValueError:
        try:
            found = parse(text)
        except (ValueError, OverflowError):
            return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def inner(posted: Any, *path: str) -> Any:
    """The value at a path of an object, nothing where it is not there."""
    for name in path:
        posted = posted.get(name) if isinstance(posted, Mapping) else None
    return posted


def word(posted: Any, *path: str) -> str:
    """The text or number at a path as text, empty where it is not there."""
    found = inner(posted, *path)
    return str(found) if isinstance(found, (str, int)) and not isinstance(found, bool) else ""
