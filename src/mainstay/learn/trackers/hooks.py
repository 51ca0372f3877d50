"""What trackers say by themselves: signed, about one of our issues, and the same twice changes nothing."""

import hashlib
from collections.abc import Mapping
from typing import Any

import orjson
from django.db import IntegrityError, transaction

from mainstay.core import clock, secrets
from mainstay.core.problems import ProblemError, bad_request
from mainstay.learn.trackers import record
from mainstay.learn.trackers.kinds import KINDS
from mainstay.learn.trackers.models import Issue, Told, Tracker
from mainstay.learn.trackers.wire import place_of


def take(tracker: Tracker, headers: Mapping[str, str], body: bytes) -> int:
    """Take a webhook; ``headers`` are named in lower case. Returns how many linked issues it was about.

    Raises ``ProblemError`` when it is not signed by who has the secret of the tracker.
    """
    posted = _checked(tracker, headers, body)
    heard = KINDS[tracker.kind].heard(place_of(tracker), headers, posted)
    if heard is None or not heard.seen.number:
        return 0
    with transaction.atomic():
        issues = list(
            Issue.objects.select_for_update().filter(tracker=tracker, number=heard.seen.number).order_by("pk")
        )
        if not issues or not _is_new(tracker, body):
            return 0
        for issue in issues:
            issue.tracker = tracker
            record.heard(issue, heard, heard.notes[0].who if heard.notes else tracker.name)
    return len(issues)


def _checked(tracker: Tracker, headers: Mapping[str, str], body: bytes) -> Mapping[str, Any]:
    if not tracker.hook_secret:
        raise ProblemError(403, "Forbidden", f"write hook_secret of the tracker {tracker.key} first")
    try:
        secret = secrets.get(tracker.hook_secret)
    except secrets.SecretError as error:
        raise ProblemError(403, "Forbidden", str(error)) from error
    if not secret or not KINDS[tracker.kind].is_signed(headers, body, secret):
        raise ProblemError(401, "Unauthorized", "the signature does not fit: compare the secret of the webhook")
    try:
        posted = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise bad_request(f"the body is not JSON: {error}") from error
    if not isinstance(posted, dict):
        raise bad_request("write an object")
    return posted


def _is_new(tracker: Tracker, body: bytes) -> bool:
    try:
        with transaction.atomic():
            Told.objects.create(tracker=tracker, digest=hashlib.sha256(body).hexdigest(), at=clock.now())
    except IntegrityError:
        return False
    return True
