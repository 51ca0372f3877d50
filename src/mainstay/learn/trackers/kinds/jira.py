"""Jira: REST API 3 (Cloud) and 2 (Server, Data Center).

Source: Atlassian, "The Jira Cloud platform REST API" v3 and "Jira Server platform REST API" v2; "Webhooks". Version 3
takes texts as documents (ADF) and searches below ``search/jql``; version 2 takes wiki markup and has ``search``.
"""

import base64
import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode

from mainstay.learn.trackers.domain import Heard, Note, Seen, State, state_of
from mainstay.learn.trackers.kinds import prose
from mainstay.learn.trackers.kinds.shape import (
    Draft,
    Place,
    Request,
    hmac_fits,
    inner,
    moment,
    sending,
    upload,
    visible_mark,
    word,
)

NAME = "jira"
_FIELDS = "summary,status,updated"
_CATEGORIES = {"new": State.OPEN, "indeterminate": State.WORKING, "done": State.DONE}


def headers(place: Place, secret: str) -> dict[str, str]:
    """Cloud knows an account by its mail address and token, a server by a token alone."""
    if not place.user:
        return {"Authorization": f"Bearer {secret}", "Accept": "application/json"}
    both = base64.b64encode(f"{place.user}:{secret}".encode()).decode()
    return {"Authorization": f"Basic {both}", "Accept": "application/json"}


def _api(place: Place) -> str:
    return f"/rest/api/{place.api or '3'}"


def _issue(place: Place, number: str) -> str:
    return f"{_api(place)}/issue/{quote(number, safe='')}"


def _text(place: Place, text: str) -> Any:
    return prose.wiki(text) if place.api == "2" else prose.adf(text)


def _label(key: str) -> str:
    return f"mainstay-{key}"


def find(place: Place, key: str, since: datetime) -> Request:
    """The issue with the label of this mark."""
    del since
    where = "search" if place.api == "2" else "search/jql"
    jql = f'project = "{place.project}" AND labels = "{_label(key)}"'
    return Request("GET", f"{_api(place)}/{where}?{urlencode({'jql': jql, 'fields': _FIELDS, 'maxResults': 1})}")


def found(place: Place, answer: Any, key: str) -> Seen | None:
    """The first, if any."""
    del key
    issues = inner(answer, "issues") or ()
    return seen(place, issues[0]) if issues else None


def create(place: Place, draft: Draft) -> Request:
    """An issue with a label of its own beside those that were asked for."""
    fields = {
        "project": {"key": place.project},
        "issuetype": {"name": place.issue_type or "Task"},
        "summary": " ".join(draft.title.split()),
        "description": _text(place, draft.body),
        "labels": [*place.labels, _label(draft.key)],
    }
    return sending("POST", f"{_api(place)}/issue", {"fields": fields})


def created(place: Place, answer: Any) -> Seen:
    """Only the key is answered; a new issue is open."""
    key = word(answer, "key")
    return Seen(key, f"{place.address}/browse/{key}", "", State.OPEN)


def read(place: Place, number: str) -> Request:
    """One issue."""
    return Request("GET", f"{_issue(place, number)}?fields={_FIELDS}")


def seen(place: Place, answer: Any) -> Seen:
    """The state by the name of the status, else by its category."""
    key, status = word(answer, "key"), inner(answer, "fields", "status")
    usual = _CATEGORIES.get(word(status, "statusCategory", "key"), State.OPEN)
    name = word(status, "name")
    return Seen(
        key,
        f"{place.address}/browse/{key}",
        word(answer, "fields", "summary"),
        state_of([name], place.states, usual) if status else None,
        name,
        moment(inner(answer, "fields", "updated")),
    )


def comments(place: Place, number: str, since: datetime) -> Request:
    """The latest comments."""
    del since  # Jira cannot be asked for it.
    return Request("GET", f"{_issue(place, number)}/comment?orderBy=-created&maxResults=50")


def notes(answer: Any) -> list[Note]:
    """All of them; what Jira writes by itself is its history."""
    return [_note(one) for one in inner(answer, "comments") or ()]


def _note(said: Any) -> Note:
    who = word(said, "author", "displayName") or word(said, "author", "name")
    return Note(word(said, "id"), who, prose.text_of(inner(said, "body")).strip(), moment(inner(said, "created")))


def comment(place: Place, number: str, text: str, key: str) -> Request:
    """A comment; Jira shows the mark as its last line."""
    marked = f"{text}\n\n{visible_mark(key)}"
    return sending("POST", f"{_issue(place, number)}/comment", {"body": _text(place, marked)})


def ways(place: Place, number: str) -> Request | None:
    """The transitions that the workflow has from where the issue stands."""
    return Request("GET", f"{_issue(place, number)}/transitions")


def move(place: Place, number: str, state: State, ways: Any) -> Request | None:
    """The first transition that leads to the state."""
    for way in inner(ways, "transitions") or ():
        usual = _CATEGORIES.get(word(way, "to", "statusCategory", "key"), State.OPEN)
        if state_of([word(way, "to", "name")], place.states, usual) is state:
            return sending("POST", f"{_issue(place, number)}/transitions", {"transition": {"id": word(way, "id")}})
    return None


def files(place: Place, number: str) -> Request | None:
    """Its attachments."""
    return Request("GET", f"{_issue(place, number)}?fields=attachment")


def has_file(answer: Any, name: str, size: int) -> bool:
    """By name and size."""
    files = inner(answer, "fields", "attachment") or ()
    return any(word(one, "filename") == name and inner(one, "size") == size for one in files)


def attach(place: Place, number: str, name: str, content: bytes) -> Request | None:
    """A file of the issue. Jira asks for a header that no form of a browser can send."""
    return upload(f"{_issue(place, number)}/attachments", name, content, {"X-Atlassian-Token": "no-check"})


def attached(answer: Any) -> str:
    """It hangs on the issue already."""
    del answer
    return ""


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """``X-Hub-Signature`` of a webhook, or the secret as bearer token of an automation rule."""
    given = headers.get("x-hub-signature", "")
    if given:
        return hmac_fits(given, body, secret)
    return hmac.compare_digest(headers.get("authorization", "").encode(), f"Bearer {secret}".encode())


def heard(place: Place, headers: Mapping[str, str], posted: Mapping[str, Any]) -> Heard | None:
    """Events of issues and new comments; an automation rule posts the issue alone."""
    del headers
    issue = posted.get("issue", posted if "fields" in posted else None)
    if word(issue, "key").rpartition("-")[0] != place.project:
        return None
    what = seen(place, issue)
    if posted.get("webhookEvent") == "comment_created":
        return Heard(what, [_note(posted.get("comment"))])
    return Heard(what)
