"""GitLab issues.

Source: GitLab documentation, REST API v4: "Issues", "Notes", "Project markdown uploads"; "Webhook events".
"""

import hmac
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlencode

from mainstay.learn.trackers.domain import Heard, Note, Seen, State, state_of
from mainstay.learn.trackers.kinds.shape import Draft, Place, Request, hidden_mark, inner, moment, sending, upload, word

NAME = "gitlab"
_PAGE = 100


def headers(place: Place, secret: str) -> dict[str, str]:
    """An access token of a project, group or person."""
    del place
    return {"PRIVATE-TOKEN": secret}


def _project(place: Place) -> str:
    return f"/api/v4/projects/{quote(place.project, safe='')}"


def find(place: Place, key: str, since: datetime) -> Request:
    """The issues made since then, the latest first."""
    del key
    query = {
        "created_after": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "scope": "all",
        "state": "all",
        "order_by": "created_at",
        "sort": "desc",
        "per_page": _PAGE,
    }
    return Request("GET", f"{_project(place)}/issues?{urlencode(query)}")


def found(place: Place, answer: Any, key: str) -> Seen | None:
    """The one whose description carries the mark."""
    mark = hidden_mark(key)
    return next((seen(place, one) for one in answer or () if mark in word(one, "description")), None)


def create(place: Place, draft: Draft) -> Request:
    """An issue; labels are one text with commas."""
    body = {"title": draft.title, "description": f"{draft.body}\n\n{hidden_mark(draft.key)}"}
    more = {"labels": ",".join(place.labels)} if place.labels else {}
    kind = {"issue_type": place.issue_type} if place.issue_type else {}
    return sending("POST", f"{_project(place)}/issues", {**body, **more, **kind})


def created(place: Place, answer: Any) -> Seen:
    """The whole issue is answered."""
    return seen(place, answer)


def read(place: Place, number: str) -> Request:
    """One issue, by its number in the project."""
    return Request("GET", f"{_project(place)}/issues/{number}")


def seen(place: Place, answer: Any) -> Seen:
    """A closed issue is done; labels may say more. The API names labels by text, webhooks by objects."""
    state = word(answer, "state")
    named = inner(answer, "labels") or ()
    labels = [one if isinstance(one, str) else word(one, "title") for one in named]
    return Seen(
        word(answer, "iid"),
        word(answer, "web_url") or word(answer, "url"),
        word(answer, "title"),
        state_of([*labels, state], place.states, State.DONE if state == "closed" else State.OPEN),
        state,
        moment(inner(answer, "updated_at")),
    )


def _notes(place: Place, number: str) -> str:
    return f"{_project(place)}/issues/{number}/notes"


def comments(place: Place, number: str, since: datetime) -> Request:
    """The latest comments."""
    del since  # GitLab cannot be asked for it.
    return Request("GET", f"{_notes(place, number)}?sort=desc&order_by=created_at&per_page={_PAGE}")


def notes(answer: Any) -> list[Note]:
    """Those that GitLab did not write by itself."""
    return [
        Note(word(one, "id"), word(one, "author", "username"), word(one, "body"), moment(inner(one, "created_at")))
        for one in answer or ()
        if inner(one, "system") is not True
    ]


def comment(place: Place, number: str, text: str, key: str) -> Request:
    """A note."""
    return sending("POST", _notes(place, number), {"body": f"{text}\n\n{hidden_mark(key)}"})


def ways(place: Place, number: str) -> None:
    """Opened and closed can always be reached."""
    del place, number


def move(place: Place, number: str, state: State, ways: Any) -> Request | None:
    """Close or reopen. GitLab has one way of being closed."""
    del ways
    event = "close" if state in {State.DONE, State.REFUSED} else "reopen"
    return sending("PUT", f"{_project(place)}/issues/{number}", {"state_event": event})


def files(place: Place, number: str) -> None:
    """A file that no note shows harms nobody."""
    del place, number


def has_file(answer: Any, name: str, size: int) -> bool:
    """Not asked."""
    del answer, name, size
    return False


def attach(place: Place, number: str, name: str, content: bytes) -> Request | None:
    """A file is uploaded to the project; a note shows it."""
    del number
    return upload(f"{_project(place)}/uploads", name, content)


def attached(answer: Any) -> str:
    """The Markdown that names the upload."""
    return word(answer, "markdown")


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """``X-Gitlab-Token`` is the secret itself."""
    del body
    return hmac.compare_digest(headers.get("x-gitlab-token", "").encode(), secret.encode())


def heard(place: Place, headers: Mapping[str, str], posted: Mapping[str, Any]) -> Heard | None:
    """``Issue Hook`` and ``Note Hook``, confidential ones too; notes that GitLab writes by itself are left out."""
    event = headers.get("x-gitlab-event", "").removeprefix("Confidential ")
    if place.project not in {word(posted, "project", "path_with_namespace"), word(posted, "project", "id")}:
        return None
    about = posted.get("object_attributes")
    if event == "Issue Hook":
        return Heard(seen(place, about))
    issue = posted.get("issue")
    new = word(about, "action") in {"", "create"} and inner(about, "system") is not True
    if event == "Note Hook" and word(about, "noteable_type") == "Issue" and isinstance(issue, Mapping) and new:
        written = moment(inner(about, "created_at"))
        note = Note(word(about, "id"), word(posted, "user", "username"), word(about, "note"), written)
        return Heard(seen(place, issue), [note])
    return None
