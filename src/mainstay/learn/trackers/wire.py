"""One call to a tracker: the secret by name, the guard of outgoing calls, and what an answer means."""

import json
from typing import Any

from mainstay.core import secrets
from mainstay.core.http import OutgoingError, call
from mainstay.core.settings import current
from mainstay.learn.trackers.kinds import KINDS
from mainstay.learn.trackers.kinds.shape import Place, Request
from mainstay.learn.trackers.models import Tracker

_REMEDIES = {
    401: "it does not know the token: look at the secret {secret!r}",
    403: "the token of the secret {secret!r} may not do this",
    404: "there is no such project or issue, or the token of the secret {secret!r} cannot see it",
    410: "the issue was deleted, or issues are switched off there",
}
_TEMPORARY = {408, 409, 425, 429}


def place_of(tracker: Tracker) -> Place:
    """The tracker as its kind knows it."""
    return Place(
        tracker.address.rstrip("/"),
        tracker.project,
        tracker.user,
        tracker.api,
        tracker.issue_type,
        tuple(tracker.labels),
        tracker.states,
    )


def ask(tracker: Tracker, request: Request) -> Any:
    """What the tracker answers, read as JSON. Raises ``OutgoingError``."""
    place = place_of(tracker)
    try:
        secret = secrets.get(tracker.secret)
    except secrets.SecretError as error:
        raise OutgoingError(str(error), permanent=False) from error
    answer = call(
        request.method,
        place.address + request.path,
        body=request.body,
        headers={**KINDS[tracker.kind].headers(place, secret), **request.headers},
        timeout=current().tracker_timeout,
        max_bytes=current().tracker_answer_megabytes * 1_000_000,
    )
    if answer.status >= 300:
        raise _refused(tracker, answer.status, answer.body, {name.lower() for name, _ in answer.headers})
    if not answer.body.strip():
        return None
    try:
        return json.loads(answer.body)
    except ValueError:
        raise OutgoingError(
            f"{place.address} answered no JSON: is it the address of the API?", permanent=True
        ) from None


def _refused(tracker: Tracker, status: int, body: bytes, headers: set[str]) -> OutgoingError:
    """A status as an error: too many requests pass, and GitHub says those with 403 too."""
    busy = status in _TEMPORARY or (status == 403 and "retry-after" in headers) or b"rate limit" in body.lower()
    remedy = _REMEDIES.get(status, "{said}").format(secret=tracker.secret, said=_said(body))
    return OutgoingError(f"HTTP {status}: {remedy}", permanent=400 <= status < 500 and not busy)


def _said(body: bytes) -> str:
    """The words of a refusal. Jira lists them, GitHub and GitLab have a message."""
    try:
        found = json.loads(body)
    except ValueError:
        return "it says nothing that can be read"
    if not isinstance(found, dict):
        return str(found)[:300]
    parts = [found.get("message"), found.get("error"), found.get("errorMessages"), found.get("errors")]
    return "; ".join(str(part) for part in parts if part)[:300] or "it does not say why"
