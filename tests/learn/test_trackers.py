"""Issues in trackers, against a server that speaks as each of them documents it."""

import hashlib
import hmac
import json
from collections.abc import Iterator
from datetime import UTC, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock, secrets
from mainstay.core.access import LOCAL
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.learn.trackers import domain, sending, services
from mainstay.learn.trackers.domain import State
from mainstay.learn.trackers.kinds import prose
from mainstay.learn.trackers.kinds.shape import visible_mark
from mainstay.learn.trackers.models import Deed, Fact, Issue, Tracker
from tests.learn import fake_tracker
from tests.learn.fake_tracker import TOKEN

HOOK = "hook-secret"
KINDS = {
    "github": (fake_tracker.github, "project: acme/shop"),
    "gitlab": (fake_tracker.gitlab, "project: acme/shop"),
    "jira": (fake_tracker.jira, "project: PAY, user: ana@acme.example, issue_type: Bug"),
    "jira2": (fake_tracker.jira, "project: PAY, api: '2', issue_type: Bug"),
}
WANTED = services.Wanted(
    "action", "7", "Retry less", "# Why\n\nIt **hammers** `pay`.\n\n- one\n- two\n\n```\nlog {line}\n```", "/problems/7"
)


@pytest.fixture(autouse=True)
def _secrets() -> Iterator[None]:
    secrets.put("tracker-token", TOKEN)
    secrets.put("tracker-hook", HOOK)
    yield
    secrets.remove("tracker-token")
    secrets.remove("tracker-hook")


def configure(*entries: str) -> None:
    text = "\n".join(["trackers:", *(f"  - {one}" for one in entries)])
    config.apply(LOCAL, read.read([("t.yaml", text)]))


@pytest.fixture(params=KINDS)
def there(request: pytest.FixtureRequest, db: None) -> Iterator[fake_tracker.Tracker]:
    """One of the trackers, and the configuration of it."""
    speaks, more = KINDS[request.param]
    with fake_tracker.running(speaks) as tracker:
        kind = request.param.removesuffix("2")
        configure(
            f"{{key: devs, kind: {kind}, address: '{tracker.address}', {more}, secret: tracker-token, "
            'hook_secret: tracker-hook, labels: [ops], states: {"Won\'t do": refused, wip: working}}'
        )
        yield tracker


def rounds(most: int = 30) -> None:
    """Let the worker's rounds pass until nothing waits."""
    for _ in range(most):
        sending.run_due()
        if not Deed.objects.filter(state=Deed.State.WAITING).exists():
            return
        clock.advance(timedelta(minutes=3))
    raise AssertionError("something waits for ever")


@pytest.fixture(autouse=True)
def _time() -> Iterator[None]:
    with clock.moved(timedelta()):
        yield


def made() -> Issue:
    issue = services.open_issue(LOCAL, services.tracker_of(LOCAL, "devs"), WANTED)
    rounds()
    issue.refresh_from_db()
    return issue


def text_of(body: Any) -> str:
    return prose.text_of(body)


def test_an_issue_is_made_spoken_to_moved_and_read(there: fake_tracker.Tracker) -> None:
    issue = made()
    assert (issue.state, issue.trouble, issue.title) == ("open", "", "Retry less")
    assert issue.number in {"1", "PAY-1"}
    assert issue.number in issue.url
    theirs = there.issue(1)
    assert "ops" in theirs.labels
    assert "hammers" in text_of(theirs.body)
    assert "log {line}" in text_of(theirs.body)
    assert "/problems/7" in json.dumps(theirs.body)
    services.comment(LOCAL, issue, "See **this**.")
    services.attach(LOCAL, issue, 'case "1".zip', b"PK\x03\x04\r\n\xff", "/case.zip")
    services.move(LOCAL, issue, State.DONE)
    rounds()
    issue.refresh_from_db()
    assert "command line: See" in text_of(theirs.comments[0])
    shown = theirs.files[0]["filename"] if theirs.files else text_of(theirs.comments[1])
    assert "case" in shown
    assert (issue.state, theirs.status, issue.trouble) == ("done", "closed", "")
    # What we did ourselves is no news.
    assert services.untaken("action") == []


def test_a_lost_answer_makes_no_second_issue_comment_or_file(there: fake_tracker.Tracker) -> None:
    issue = services.open_issue(LOCAL, services.tracker_of(LOCAL, "devs"), WANTED)
    there.lose = 1
    rounds()
    services.comment(LOCAL, issue, "Once")
    there.lose = 1
    rounds()
    services.attach(LOCAL, issue, "case.zip", b"PK", "/case.zip")
    there.lose = 1
    rounds()
    assert len(there.issues) == 1
    told = [text_of(one) for one in there.issue(1).comments]
    assert len([one for one in told if "Once" in one]) == 1
    assert len(there.issue(1).files) + len([one for one in told if "case.zip" in one]) == 1


def test_the_same_thing_has_one_issue(there: fake_tracker.Tracker) -> None:
    issue = made()
    again = services.open_issue(LOCAL, issue.tracker, WANTED)
    rounds()
    assert (again.pk, len(there.issues)) == (issue.pk, 1)


def test_an_issue_that_is_there_is_linked_and_read(there: fake_tracker.Tracker) -> None:
    there.add("Theirs", "", [])
    place = services.tracker_of(LOCAL, "devs")
    for bad in ("", "../../user", "1/comments", "1?x"):
        with pytest.raises(ProblemError, match="number or key"):
            services.link_issue(LOCAL, place, WANTED, bad)
    issue = services.link_issue(LOCAL, place, WANTED, "PAY-1" if place.kind == "jira" else "#1")
    rounds()
    issue.refresh_from_db()
    assert (issue.title, issue.state) == ("Theirs", "open")
    with pytest.raises(ProblemError, match="already"):
        services.link_issue(LOCAL, place, WANTED, "PAY-1" if place.kind == "jira" else "1")


def test_a_tracker_that_is_down_is_tried_again_and_one_that_refuses_is_not(there: fake_tracker.Tracker) -> None:
    there.refuse = [503, 429]
    issue = made()
    assert issue.trouble == ""
    there.refuse = [401]
    services.comment(LOCAL, issue, "Hello")
    rounds()
    issue.refresh_from_db()
    assert "look at the secret 'tracker-token'" in issue.trouble
    assert TOKEN not in issue.trouble
    assert services.retry(LOCAL, issue) == 1
    rounds()
    issue.refresh_from_db()
    assert (issue.trouble, len(there.issue(1).comments)) == ("", 1)
    assert TOKEN not in str(list(AuditEntry.objects.values_list("detail", "target")))


def test_what_a_webhook_missed_is_looked_at(there: fake_tracker.Tracker) -> None:
    made()
    there.issue(1).status, there.issue(1).changed = "closed", there.tick()
    sending.run_due()
    assert services.untaken("action") == []
    clock.advance(timedelta(minutes=16))
    sending.run_due()
    (fact,) = services.untaken("action")
    assert (fact.before, fact.after, fact.issue.ref) == ("open", "done", "7")
    assert services.take(fact)
    assert not services.take(fact)
    assert services.untaken("action") == []


def test_comments_that_no_webhook_brought_are_found_once(there: fake_tracker.Tracker) -> None:
    there.add("Theirs", "", [])
    there.issue(1).say("Written long before", "old hand")
    clock.advance(timedelta(days=2))
    place = services.tracker_of(LOCAL, "devs")
    issue = services.link_issue(LOCAL, place, WANTED, "PAY-1" if place.kind == "jira" else "1")
    rounds()
    services.comment(LOCAL, issue, "Ours")
    rounds()
    clock.advance(timedelta(minutes=5))
    document = place.kind == "jira" and place.api != "2"
    there.issue(1).say(prose.adf("Fixed in 4.2") if document else "Fixed in 4.2", "dev")
    for _ in range(3):
        clock.advance(timedelta(minutes=16))
        sending.run_due()
    comments = [one for one in services.untaken("action") if one.kind == "comment"]
    assert [(one.who, one.text) for one in comments] == [("dev", "Fixed in 4.2")]


def posted(kind: str, there: fake_tracker.Tracker, comment: str = "") -> tuple[dict[str, str], bytes]:
    """What the tracker would post of its first issue now, signed as it signs."""
    one = there.issue(1)
    if kind == "github":
        body: dict[str, Any] = {"repository": {"full_name": "acme/shop"}, "issue": fake_tracker.as_github(one)}
        body |= {"action": "created" if comment else "edited"}
        body |= {"comment": {"id": 5, "user": {"login": "dev"}, "body": comment}} if comment else {}
        named = {"X-GitHub-Event": "issue_comment" if comment else "issues"}
    elif kind == "gitlab":
        body = {"project": {"id": 3, "path_with_namespace": "acme/shop"}, "user": {"username": "dev"}}
        issue = {**fake_tracker.as_gitlab(one), "url": "https://gitlab.example/1", "labels": [{"title": "x"}]}
        note = {"id": 5, "note": comment, "noteable_type": "Issue", "action": "create", "system": False}
        body |= {"object_attributes": note, "issue": issue} if comment else {"object_attributes": issue}
        named = {"X-Gitlab-Event": "Note Hook" if comment else "Issue Hook", "X-Gitlab-Token": HOOK}
    else:
        body = {"webhookEvent": "comment_created" if comment else "jira:issue_updated"}
        body |= {"issue": fake_tracker.as_jira(one)}
        body |= {"comment": {"id": "5", "author": {"displayName": "dev"}, "body": comment}} if comment else {}
        named = {}
    data = json.dumps(body).encode()
    signed = "sha256=" + hmac.new(HOOK.encode(), data, hashlib.sha256).hexdigest()
    named |= {"github": {"X-Hub-Signature-256": signed}, "jira": {"X-Hub-Signature": signed}}.get(kind, {})
    return named, data


def post(client: Client, headers: dict[str, str], data: bytes) -> Any:
    return client.post("/api/v1/trackers/hooks/devs", data, content_type="application/json", headers=headers)


def test_webhooks_bring_states_and_comments_once(there: fake_tracker.Tracker, client: Client) -> None:
    made()
    kind = Tracker.objects.get().kind
    old = posted(kind, there)
    there.issue(1).status, there.issue(1).changed = "closed", there.tick()
    for _ in range(2):
        assert post(client, *posted(kind, there)).status_code == 200
    assert post(client, *posted(kind, there, "Fixed in 4.2")).json() == {"issues": 1}
    assert post(client, *posted(kind, there, "Fixed in 4.2 ")).json() == {"issues": 1}
    # What comes late does not take the state back, and our own comment does not come back as somebody else's.
    assert post(client, *old).status_code == 200
    own = visible_mark("k") if kind == "jira" else "<!-- mainstay:k -->"
    post(client, *posted(kind, there, f"x {own}"))
    facts = services.untaken("action")
    assert [(one.kind, one.after, one.text) for one in facts] == [
        ("state", "done", ""),
        ("comment", "", "Fixed in 4.2"),
    ]
    assert facts[1].who == "dev"
    assert Issue.objects.get().state == "done"


def test_a_webhook_that_is_not_signed_is_refused(there: fake_tracker.Tracker, client: Client) -> None:
    made()
    headers, data = posted(Tracker.objects.get().kind, there)
    there.issue(1).status = "closed"
    wrong = {name: value if name.endswith("Event") else value[:-1] + "!" for name, value in headers.items()}
    assert post(client, wrong, data).status_code == 401
    assert post(client, {}, data).status_code == 401
    assert post(client, {"Authorization": "Bearer nothing"}, data).status_code == 401
    assert client.post("/api/v1/trackers/hooks/none", b"{}", content_type="application/json").status_code == 404
    Tracker.objects.update(hook_secret="")
    assert post(client, headers, data).status_code == 403
    assert not Fact.objects.exists()


def test_a_private_address_is_not_called(there: fake_tracker.Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    from mainstay.core import settings

    loaded = settings.current()
    closed = settings.Loaded({**loaded.values, "outgoing_private": ()}, loaded.origins)
    monkeypatch.setattr("mainstay.core.http.current", lambda: closed)
    issue = made()
    assert "private address" in issue.trouble
    assert there.calls == []


def test_a_tracker_is_chosen_by_service_then_team_then_for_all(company: None) -> None:
    from mainstay.catalog.models import Service

    entry = "kind: github, address: 'https://api.github.com', project: a/b, secret: s"
    configure(
        f"{{key: rest, {entry}}}",
        f"{{key: team, {entry}, teams: [money]}}",
        f"{{key: front, {entry}, services: [front]}}",
    )
    chosen = [services.for_service(LOCAL, Service.objects.get(key=key)) for key in ("front", "pay", "lonely")]
    assert [one.key if one else None for one in chosen] == ["front", "team", "rest"]


MOMENT = st.one_of(st.none(), st.datetimes(timezones=st.just(UTC)))
SEEN = st.builds(domain.Seen, st.just("1"), state=st.one_of(st.none(), st.sampled_from(domain.ASKED)), at=MOMENT)


@pytest.mark.once
@given(st.lists(SEEN, max_size=12))
def test_in_whatever_order_it_is_heard_the_latest_state_stands(heard: list[domain.Seen]) -> None:
    state: State = State.WAITING
    known = None
    for seen in heard:
        if domain.takes(state, known, seen).moves and seen.state is not None:
            state = seen.state
        known = max(known, seen.at) if known and seen.at else known or seen.at
    timed = [one for one in heard if one.at and one.state]
    if timed and len(timed) == len(heard):
        latest = max(one.at for one in timed if one.at)
        assert state in {one.state for one in timed if one.at == latest}


@pytest.mark.once
@given(st.text())
def test_any_text_becomes_a_document_and_markup(text: str) -> None:
    document = prose.adf(text)
    assert all(part.get("text") != "" for block in document["content"] for part in block.get("content", ()))
    prose.wiki(text)


@pytest.mark.once
def test_prose_as_jira_takes_it() -> None:
    text = "## Why\nIt {is} [here](https://x.example/a).\n\n* `a`\n* **b**\n\n```sh\nls {x}\n```"
    assert prose.wiki(text) == (
        "h2. Why\n\nIt \\{is\\} [here|https://x.example/a].\n\n* {{a}}\n* *b*\n\n{noformat}\nls {x}\n{noformat}"
    )
    kinds = [block["type"] for block in prose.adf(text)["content"]]
    assert kinds == ["heading", "paragraph", "bulletList", "codeBlock"]
