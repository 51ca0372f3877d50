"""Alertmanager's API v2, so that a Prometheus can name Mainstay as its alertmanager.

Source: Alertmanager's OpenAPI description of ``postAlerts``; Prometheus repeats a firing alert with an end in the
future, and an alert that is not repeated until then counts as ended.
"""

from datetime import timedelta
from typing import Any

from mainstay.core.ids import fingerprint
from mainstay.core.problems import ProblemError, bad_request
from mainstay.observe.intake import fields
from mainstay.observe.intake.received import Received, Request

# Alertmanager's own default for alerts that name no end.
RESOLVE_TIMEOUT = timedelta(minutes=5)
MAX_LABELS = 200


def decode(request: Request) -> Received:
    """A list of alerts. Good ones are kept even if others in the list are wrong."""
    posted = fields.parse_json(request.body)
    if not isinstance(posted, list):
        raise bad_request("write a list of alerts")
    signals, wrong = [], []
    for place, one in enumerate(posted):
        try:
            signals.append(_signal(one, f"[{place}]", request))
        except ProblemError as problem:
            wrong.append(problem)
    if wrong and not signals:
        raise fields.several(wrong)
    return Received(signals=signals, refused=wrong, body=b"{}")


def _signal(one: Any, place: str, request: Request) -> dict[str, Any]:
    alert = fields.an_object(one, place)
    labels = {name: text for name, text in fields.string_map(alert.get("labels"), f"{place}.labels").items() if text}
    if not labels:
        raise bad_request("an alert needs at least one label", f"{place}.labels")
    if len(labels) > MAX_LABELS:
        raise bad_request(f"write at most {MAX_LABELS} labels", f"{place}.labels")
    starts_at = fields.a_time(alert.get("startsAt"), f"{place}.startsAt")
    ends_at = fields.a_time(alert.get("endsAt"), f"{place}.endsAt")
    if starts_at and ends_at and ends_at < starts_at:
        raise bad_request("the end lies before the start", f"{place}.endsAt")
    link = fields.a_text(alert.get("generatorURL"), f"{place}.generatorURL", 2000)
    firing = ends_at is None or ends_at > request.now
    expires_at = (ends_at or request.now + RESOLVE_TIMEOUT) if firing else None
    return {
        "source": "alertmanager",
        "fingerprint": fingerprint(labels),
        "labels": labels,
        "annotations": fields.string_map(alert.get("annotations"), f"{place}.annotations"),
        "link": link if link.startswith(("http://", "https://")) else "",
        "state": "firing" if firing else "resolved",
        "starts_at": (starts_at or (request.now if firing else ends_at) or request.now).isoformat(),
        "ends_at": None if firing or ends_at is None else ends_at.isoformat(),
        "expires_at": expires_at.isoformat() if expires_at else None,
    }
