"""The real client of the Model Context Protocol, over HTTP and over the pipes of a child, on a running installation."""

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.client.streamable_http import streamable_http_client

from mainstay.faces.bench.installation import Installation, MailServer
from tests.parts import until

pytestmark = [pytest.mark.once, pytest.mark.either, pytest.mark.xdist_group("live")]
Live = tuple[Installation, MailServer]
Deed = Callable[[Client], Awaitable[Any]]


def over_http(here: Installation, token: str, deed: Deed, *, mode: str = "auto") -> Any:
    async def run() -> Any:
        async with (
            httpx2.AsyncClient(headers={"Authorization": f"Bearer {token}"}, timeout=20) as http,
            Client(streamable_http_client(f"{here.url}/mcp", http_client=http), mode=mode) as client,
        ):
            return await deed(client)

    return asyncio.run(run())


def over_pipes(here: Installation, token: str, deed: Deed) -> Any:
    kept = {name: value for name, value in here.env.items() if name.startswith("MAINSTAY_")}
    env = {**kept, **({"MAINSTAY_TOKEN": token} if token else {}), "PATH": os.environ["PATH"]}
    child = StdioServerParameters(command=sys.executable, args=["-m", "mainstay", "mcp"], env=env)

    async def run() -> Any:
        async with Client(stdio_client(child)) as client:
            return await deed(client)

    return asyncio.run(run())


def said(answer: Any) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(answer.content[0].text)
    return found


def made(here: Installation, scope: str) -> str:
    return here.command("token", "create", "--name", f"client-{scope}-{os.urandom(4).hex()}", "--scope", scope).strip()


async def names(client: Client) -> set[str]:
    return {one.name for one in (await client.list_tools()).tools}


def call(tool: str, **given: Any) -> Deed:
    async def deed(client: Client) -> Any:
        return await client.call_tool(tool, given)

    return deed


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_who_may_read_is_offered_what_reads_and_nothing_else(live: Live, mode: str) -> None:
    here, _ = live
    token = made(here, "read")
    assert "acknowledge_incident" not in over_http(here, token, names, mode=mode)
    found = over_http(here, token, call("show_service", service="pay"), mode=mode)
    assert (found.is_error, said(found)["needed_by"]) == (False, ["front"])
    refused = over_http(here, token, call("acknowledge_incident", id="1"), mode=mode)
    assert refused.is_error
    assert "no tool 'acknowledge_incident' for you" in said(refused)["refused"]


def test_who_may_respond_takes_an_incident_and_it_is_in_its_log(live: Live) -> None:
    here, _ = live
    labels = {"alertname": "taken-by-a-tool", "service": "pay", "incident_group": "taken-by-a-tool"}
    assert here.post("/api/v2/alerts", [{"labels": labels, "annotations": {"summary": "To be taken"}}]) == 200
    token = made(here, "write")

    def listed() -> Any:
        rows = said(over_http(here, token, call("list_incidents", limit=50)))["incidents"]
        return next((one["ref"] for one in rows if one["title"] == "To be taken"), None)

    ref = until("the incident", listed)
    assert said(over_http(here, token, call("acknowledge_incident", id=ref))) == {"acknowledged": True, "changed": True}
    told = said(over_http(here, token, call("show_incident", id=ref)))
    assert told["acknowledged"]
    assert any("through a tool" in one["text"] for one in told["timeline"])


def test_a_child_reads_without_a_token_and_acts_with_one(live: Live) -> None:
    here, _ = live
    assert "draft_run" not in over_pipes(here, "", names)
    found = over_pipes(here, made(here, "write"), names)
    assert {"draft_run", "search_logs", "likely_cause"} <= found


def test_what_cannot_be_read_is_an_answer_with_the_field_and_the_remedy(live: Live) -> None:
    here, _ = live
    token = made(here, "read")
    for tool, given, wanted in (
        ("query_metrics", {"expr": "sum("}, ""),
        ("search_logs", {"query": "a:", "span": "last 1h"}, "query: a value is missing"),
        ("list_alerts", {"limit": 5000}, "limit: "),
        ("list_alerts", {"wrong": 1}, "wrong: "),
        ("show_incident", {"id": "INC-999999"}, "There is no"),
    ):
        answer = over_http(here, token, call(tool, **given))
        assert answer.is_error
        assert wanted in said(answer)["refused"]


def test_nobody_gets_in_without_a_token_or_from_a_page_elsewhere(live: Live) -> None:
    here, _ = live
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    bare = httpx2.post(f"{here.url}/mcp", json=body)
    assert (bare.status_code, bare.headers["www-authenticate"]) == (401, "Bearer")
    headers = {"Authorization": f"Bearer {made(here, 'read')}", "Origin": "https://elsewhere.example"}
    assert httpx2.post(f"{here.url}/mcp", json=body, headers=headers).status_code == 403
