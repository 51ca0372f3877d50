"""A model on a real HTTP server: it looks, what it invents is discarded, and what acts is not within its reach."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from django.test import Client

from mainstay.core import clock, settings, tokens
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.models import AuditEntry
from mainstay.core.problems import ProblemError
from mainstay.faces.mcp import assistant as face
from mainstay.learn.assistant import services
from mainstay.learn.assistant.models import Opinion
from mainstay.respond.incidents.models import Incident

pytestmark = pytest.mark.usefixtures("company")
Reply = Callable[[list[dict[str, Any]], list[str]], dict[str, Any]]


class Model:
    """Answers as it is told, and keeps what it was asked."""

    def __init__(self) -> None:
        self.reply: Reply = lambda messages, tools: {"content": '{"statements": []}'}
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.status = 200
        model = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                model.asked.append(body)
                model.keys.append(self.headers.get("Authorization", ""))
                names = [one["function"]["name"] for one in body.get("tools", ())]
                message = model.reply(body["messages"], names)
                said = json.dumps({"choices": [{"message": {"role": "assistant", **message}}]}).encode()
                self.send_response(model.status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(said)))
                self.end_headers()
                self.wfile.write(said)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def model() -> Iterator[Model]:
    found, before = Model(), settings.current()
    place = f"http://127.0.0.1:{found.server.server_port}/v1"
    more = {"assistant_url": place, "assistant_model": "tiny", "assistant_key": "sk-secret", "assistant_steps": 3}
    settings.use(settings.Loaded({**before.values, **more}, before.origins))
    yield found
    settings.use(before)
    found.server.shutdown()
    found.server.server_close()


def incident() -> Incident:
    from mainstay.catalog.models import Service

    about = {"impact": "high", "urgency": "high", "priority": 1, "opened_at": clock.now(), "started_at": clock.now()}
    return Incident.objects.create(title="Front fails", service=Service.objects.get(key="front"), **about)


def calls(*wanted: tuple[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "content": None,
        "tool_calls": [
            {"id": f"c{place}", "type": "function", "function": {"name": name, "arguments": json.dumps(given)}}
            for place, (name, given) in enumerate(wanted)
        ],
    }


def answer(*statements: tuple[str, str, str]) -> dict[str, Any]:
    rows = [{"text": text, "evidence": [{"id": where, "quote": quote}]} for text, where, quote in statements]
    return {"content": json.dumps({"statements": rows})}


def test_it_looks_and_only_what_it_quotes_is_shown(model: Model) -> None:
    about = incident()

    def reply(messages: list[dict[str, Any]], tools: list[str]) -> dict[str, Any]:
        assert {"show_incident", "search_logs", "likely_cause"} <= set(tools)
        if len(messages) == 2:
            return calls(("show_incident", {"id": str(about)}), ("show_service", {"service": "front"}))
        return answer(
            ("Front needs pay.", "E2", '"depends_on":["pay"]'),
            ("Pay has a full disk.", "E2", "No space left on device"),
            ("It began 47 minutes ago.", "E1", '"title":"Front fails"'),
        )

    model.reply = reply
    services.ask(LOCAL, about.pk)
    assert face.run_due() == 1
    found = Opinion.objects.get()
    assert [one["text"] for one in found.kept] == ["Front needs pay."]
    assert [one["why"].partition(" ")[0] for one in found.discarded] == ["E2", "its"]
    assert [one["tool"] for one in found.exhibits] == ["show_incident", "show_service"]
    assert AuditEntry.objects.get(action="assistant.say").detail["digest"] == found.digest
    assert model.keys[0] == "Bearer sk-secret"
    assert "sk-secret" not in json.dumps(model.asked)


def test_what_acts_is_not_within_its_reach(model: Model) -> None:
    about = incident()
    offered: list[str] = []

    def reply(messages: list[dict[str, Any]], tools: list[str]) -> dict[str, Any]:
        offered.extend(tools)
        if len(messages) == 2:
            return calls(("acknowledge_incident", {"id": str(about)}), ("draft_run", {"runbook": "x", "reason": "why"}))
        return answer()

    model.reply = reply
    services.ask(LOCAL, about.pk)
    face.run_due()
    about.refresh_from_db()
    assert about.acknowledged_at is None
    assert not {"acknowledge_incident", "note_on_incident", "resolve_incident", "draft_run"} & set(offered)
    assert all("there is no tool" in one["said"] for one in Opinion.objects.get().exhibits)


def test_it_has_no_more_rights_than_whoever_asked(model: Model) -> None:
    about = incident()
    with pytest.raises(AccessError):
        services.ask(Actor("a viewer", Right.READ), about.pk)
    services.ask(LOCAL, about.pk)
    assert Opinion.objects.get().right == Right.RESPOND
    del model


def test_whoever_looks_for_ever_is_asked_to_end(model: Model) -> None:
    about = incident()
    model.reply = lambda messages, tools: calls(("list_alerts", {})) if tools else answer()
    services.ask(LOCAL, about.pk)
    face.run_due()
    assert (Opinion.objects.get().state, len(model.asked)) == ("done", 4)
    assert "tools" not in model.asked[-1]


@pytest.mark.parametrize(
    ("status", "message", "problem"),
    [
        (500, {"content": "no"}, "answers 500"),
        (200, {"content": "It is the disk."}, "it is not JSON"),
        (200, {"content": '{"answer": 1}'}, "no list of statements"),
    ],
)
def test_what_goes_wrong_is_said(model: Model, status: int, message: dict[str, Any], problem: str) -> None:
    model.status, model.reply = status, lambda messages, tools: message
    services.ask(LOCAL, incident().pk)
    assert face.run_due() == 1
    found = Opinion.objects.get()
    assert (found.state, problem in found.problem) == ("failed", True)


def test_a_question_whose_worker_died_is_taken_again(model: Model) -> None:
    about = incident()
    services.ask(LOCAL, about.pk)
    Opinion.objects.update(state="running", until=clock.now() + services.longest_talk())
    assert face.run_due() == 0
    with clock.moved(2 * services.longest_talk()):
        assert face.run_due() == 1
    assert Opinion.objects.get().state == "done"
    del model


def test_without_a_model_nothing_is_asked(client: Client) -> None:
    about = incident()
    assert face.run_due() == 0
    with pytest.raises(ProblemError, match="no model is configured"):
        services.ask(LOCAL, about.pk)
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}
    place = f"/api/v1/incidents/{about.pk}"
    assert client.get(f"{place}/opinion", headers=headers).status_code == 404
    refused = client.post(f"{place}/ask-assistant", {}, content_type="application/json", headers=headers)
    assert refused.status_code == 409


def test_programs_ask_and_read(model: Model, client: Client) -> None:
    about = incident()
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}
    place = f"/api/v1/incidents/{about.pk}"
    asked = client.post(f"{place}/ask-assistant", {}, content_type="application/json", headers=headers).json()
    again = client.post(f"{place}/ask-assistant", {}, content_type="application/json", headers=headers).json()
    assert (asked["state"], again["asked_at"]) == ("asked", asked["asked_at"])
    face.run_due()
    assert client.get(f"{place}/opinion", headers=headers).json()["state"] == "done"
    del model
