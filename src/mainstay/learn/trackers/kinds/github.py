"""GitHub Issues. Source: GitHub documentation, REST API version 2022-11-28, "Issues"; "Webhook events and payloads".

GitHub finds words with a delay, so an issue is looked for in the list of those that changed since, by its mark.
Files cannot be attached through the API.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from mainstay.learn.trackers.domain import Heard, Note, Seen, State, state_of
from mainstay.learn.trackers.kinds.shape import (
    Draft,
    Place,
    Request,
    hidden_mark,
    hmac_fits,
    inner,
    moment,
    sending,
    word,
)

NAME = "github"
_PAGE = 100


def headers(place: Place, secret: str) -> dict[str, str]:
    """A token and the version of the API."""
    del place
    return {
        "Authorization": f"Bearer {secret}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }


def _issues(place: Place) -> str:
    return f"/repos/{place.project}/issues"


def find(place: Place, key: str, since: datetime) -> Request:
    """The issues that changed since the one that is looked for can have been made, the latest first."""
    del key
    query = {
        "state": "all",
        "since": since.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "sort": "created",
        "direction": "desc",
        "per_page": _PAGE,
    }
    return Request("GET", f"{_issues(place)}?{urlencode(query)}")


def found(place: Place, answer: Any, key: str) -> Seen | None:
    """The one whose body carries the mark."""
    mark = hidden_mark(key)
    return next((seen(place, one) for one in answer or () if mark in word(one, "body")), None)


def create(place: Place, draft: Draft) -> Request:
    """An issue with its labels."""
    body = f"{draft.body}\n\n{hidden_mark(draft.key)}"
    return sending("POST", _issues(place), {"title": draft.title, "body": body, "labels": list(place.labels)})


def created(place: Place, answer: Any) -> Seen:
    """The whole issue is answered."""
    return seen(place, answer)


def read(place: Place, number: str) -> Request:
    """One issue."""
    return Request("GET", f"{_issues(place)}/{number}")


def seen(place: Place, answer: Any) -> Seen:
    """A closed issue is done, unless it was closed as not planned or as a duplicate; labels may say more."""
    state, why = word(answer, "state"), word(answer, "state_reason")
    usual = State.OPEN
    if state == "closed":
        usual = State.REFUSED if why in {"not_planned", "duplicate"} else State.DONE
    labels = [word(one, "name") for one in inner(answer, "labels") or () if isinstance(one, Mapping)]
    words = [why, state, *labels] if state == "closed" else [*labels, state]
    return Seen(
        word(answer, "number"),
        word(answer, "html_url"),
        word(answer, "title"),
        state_of(words, place.states, usual),
        f"{state} ({why})" if why else state,
        moment(inner(answer, "updated_at")),
    )


def comments(place: Place, number: str, since: datetime) -> Request:
    """The first page of those since then; GitHub begins with the oldest."""
    return Request("GET", f"{_issues(place)}/{number}/comments?since={since:%Y-%m-%dT%H:%M:%SZ}&per_page={_PAGE}")


def notes(answer: Any) -> list[Note]:
    """All of them; what GitHub writes by itself are events."""
    return [_note(one) for one in answer or ()]


def _note(said: Any) -> Note:
    return Note(word(said, "id"), word(said, "user", "login"), word(said, "body"), moment(inner(said, "created_at")))


def comment(place: Place, number: str, text: str, key: str) -> Request:
    """A comment."""
    return sending("POST", f"{_issues(place)}/{number}/comments", {"body": f"{text}\n\n{hidden_mark(key)}"})


def ways(place: Place, number: str) -> None:
    """Open and closed can always be reached."""
    del place, number


def move(place: Place, number: str, state: State, ways: Any) -> Request | None:
    """Open or closed, with the reason."""
    del ways
    body = {
        State.DONE: {"state": "closed", "state_reason": "completed"},
        State.REFUSED: {"state": "closed", "state_reason": "not_planned"},
    }.get(state, {"state": "open"})
    return sending("PATCH", f"{_issues(place)}/{number}", body)


def files(place: Place, number: str) -> None:
    """It has none."""
    del place, number


def has_file(answer: Any, name: str, size: int) -> bool:
    """Not asked."""
    del answer, name, size
    return False


def attach(place: Place, number: str, name: str, content: bytes) -> None:
    """The API takes no files."""
    del place, number, name, content


def attached(answer: Any) -> str:
    """Nothing was."""
    del answer
    return ""


def is_signed(headers: Mapping[str, str], body: bytes, secret: str) -> bool:
    """``X-Hub-Signature-256``."""
    return hmac_fits(headers.get("x-hub-signature-256", ""), body, secret)


def heard(place: Place, headers: Mapping[str, str], posted: Mapping[str, Any]) -> Heard | None:
    """``issues`` and new ``issue_comment``; what is said of pull requests is left out."""
    issue, event = inner(posted, "issue"), headers.get("x-github-event")
    ours = word(posted, "repository", "full_name").casefold() == place.project.casefold()
    if not ours or not isinstance(issue, Mapping) or "pull_request" in issue:
        return None
    if event == "issues":
        return Heard(seen(place, issue))
    if event == "issue_comment" and word(posted, "action") == "created":
        return Heard(seen(place, issue), [_note(posted.get("comment"))])
    return None
