"""The log screen and its API, over a real engine."""

import json
import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast
from urllib.parse import urlencode

import pytest
from asgiref.sync import async_to_sync
from django.db import connection
from django.test import AsyncClient, Client
from django.test.utils import CaptureQueriesContext
from tests import engine
from tests.web import seed

from mainstay.core import tokens
from mainstay.core.access import LOCAL
from mainstay.observe.logs.search.models import SavedSearch


@pytest.fixture(scope="module")
def lines() -> Iterator[None]:
    with engine.running():
        seed.talk(300)
        engine.settle()
        yield


@pytest.fixture
def log_client(lines: None, ana: Client) -> Client:
    return ana


def page_of(client: Client, path: str = "/logs", **parts: str) -> str:
    answer = client.get(f"{path}?{urlencode(parts)}")
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_search_shows_its_lines_and_what_was_scanned(log_client: Client) -> None:
    text = page_of(log_client, query="level:warning retrying")
    assert "<mark>retrying</mark> charge attempt" in text
    assert 'data-level="warning"' in text
    assert 'data-level="info"' not in text
    assert re.search(r"<strong class=\"num\">\d+ lines?</strong>", text)
    assert "none sampled" in text


def test_nothing_in_a_line_becomes_markup(log_client: Client) -> None:
    for wanted in ("level:fatal", "descriptors", "<script>alert"):
        text = page_of(log_client, query=wanted)
        assert "<script>alert" not in text
        assert "&lt;" in text


def test_a_query_that_cannot_be_read_says_where(log_client: Client) -> None:
    text = page_of(log_client, query="level:purple")
    assert "at character 7" in text
    assert "one of trace, debug, info" in text
    assert 'aria-invalid="true"' in text
    assert "lacks its offset" in page_of(log_client, range="2026-01-01T00:00:00 to now")


def test_pages_go_older_and_back_newer_without_a_script(log_client: Client) -> None:
    first = page_of(log_client)
    older = seed.found(r'href="([^"]+)" rel="next"', first).replace("&amp;", "&")
    second = log_client.get(older).content.decode()
    numbers = [set(re.findall(r'data-row="([\d.]+)"', text)) for text in (first, second)]
    assert numbers[0]
    assert numbers[1]
    assert not numbers[0] & numbers[1]
    newer = seed.found(r'href="([^"]+)" rel="prev"', second).replace("&amp;", "&")
    assert set(re.findall(r'data-row="([\d.]+)"', log_client.get(newer).content.decode())) == numbers[0]


def test_filters_build_on_the_query(log_client: Client) -> None:
    text = page_of(log_client, query="charge OR retrying")
    line = seed.found(r'class="at" href="([^"]+)"', text).replace("&amp;", "&")
    detail = log_client.get(line, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in detail
    assert "query=%28charge+OR+retrying%29+service%3Apayments" in detail
    assert "query=%28charge+OR+retrying%29+NOT+service%3Apayments" in detail
    assert "/logs/journey?" in detail
    assert "Context: stream" in detail
    alone = log_client.get(line).content.decode()
    assert "<html" in alone


@pytest.mark.parametrize("part", ["histogram", "facets"])
def test_panels_load_alone(log_client: Client, part: str) -> None:
    panel = log_client.get(f"/logs/{part}", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in panel
    assert "storefront" in panel if part == "facets" else "<rect" in panel


def test_context_and_journey(log_client: Client) -> None:
    text = page_of(log_client, query="retrying")
    cursor = seed.found(r'data-row="([\d.]+)"', text)
    around = page_of(log_client, f"/logs/context/{cursor}", scope="service")
    assert f'data-here="{cursor}"' in around
    assert around.count("data-row=") > 1
    order = seed.found(r"order (\d{6})", text)
    assert order in page_of(log_client, "/logs/journey", key=order)
    assert log_client.get("/logs/context/nonsense").status_code == 404
    assert log_client.get("/logs/line/1.1").status_code == 404


def test_the_sql_box(log_client: Client) -> None:
    assert "SELECT toStartOfMinute" in page_of(log_client, "/logs/sql")
    done = log_client.post("/logs/sql", {"sql": "SELECT level, count() FROM log_lines GROUP BY level"})
    assert "warning" in done.content.decode()
    refused = log_client.post("/logs/sql", {"sql": "SELECT * FROM file('/etc/passwd', 'LineAsString')"})
    assert "table functions are not allowed" in refused.content.decode()
    assert "root:" not in refused.content.decode()


def test_a_search_is_saved_and_forgotten(log_client: Client) -> None:
    log_client.post("/logs/saved", {"name": "Retries", "query": "retrying", "range": "last 6h", "next": "/logs"})
    found = SavedSearch.objects.get()
    assert "Retries" in page_of(log_client)
    log_client.post(f"/logs/saved/{found.pk}/delete", {"next": "/logs"})
    assert not SavedSearch.objects.exists()
    assert log_client.post("/logs/saved", {"name": "x", "query": "(", "range": "last 1h"}).status_code == 400


def test_the_relational_store_is_asked_as_often_for_many_lines_as_for_few(log_client: Client) -> None:
    def count(path: str) -> int:
        log_client.get(path)
        with CaptureQueriesContext(connection) as seen:
            assert log_client.get(path).status_code == 200
        return len(seen)

    assert count("/logs?query=nosuchword") == count("/logs") <= 9
    assert count("/logs/facets") <= 7


def test_an_incident_leads_to_the_lines_of_its_time(log_client: Client) -> None:
    number = seed.found(r'href="/i/(\d+)"', log_client.get("/").content.decode())
    assert "none sampled" in page_of(log_client, range=f"around INC-{number}")
    assert log_client.get("/logs", {"range": "around incident 999"}).status_code == 200


@pytest.fixture
def ask(lines: None, shop: None, client: Client) -> Callable[..., tuple[int, dict[str, object]]]:
    secret = tokens.create_token(LOCAL, "t", "read")

    def get(path: str, **parts: str) -> tuple[int, dict[str, object]]:
        headers = {"authorization": f"Bearer {secret}", "host": "localhost"}
        if "sql" in parts:
            answer = client.post(f"/api/v1/logs/{path}", json.dumps(parts), "application/json", headers=headers)
        else:
            answer = client.get(f"/api/v1/logs/{path}", parts, headers=headers)
        return answer.status_code, answer.json()

    return get


def test_the_api_answers_with_lines_and_the_scan(ask: Callable[..., tuple[int, dict[str, object]]]) -> None:
    status, found = ask("search", query="retrying", limit="2")
    assert status == 200
    lines = found["lines"]
    assert isinstance(lines, list)
    assert len(lines) == 2
    assert found["scan"]["matched_is"] == "at least"  # type: ignore[index]
    cursor = lines[0]["cursor"]
    assert ask("line", cursor=cursor)[1] == lines[0]
    assert ask("context", cursor=cursor, before="2", after="2")[1]["line"] == lines[0]
    assert ask("search", query="retrying", before=found["older"])[0] == 200
    assert ask("journey", key=lines[0]["attributes"]["order"])[1]["lines"]
    assert ask("histogram", query="level:error")[1]["counts"].keys() == {"error"}  # type: ignore[attr-defined]
    assert ask("facets", fields="service,order")[1]["facets"]
    assert ask("sql", sql="SELECT count() FROM log_lines")[1]["rows"] == [[300]]


@pytest.mark.parametrize(
    ("path", "parts", "status", "field"),
    [
        ("search", {"query": "level:purple"}, 400, "query"),
        ("search", {"range": "soon"}, 400, "range"),
        ("search", {"limit": "0"}, 400, "limit"),
        ("search", {"before": "x"}, 400, "before"),
        ("facets", {"fields": "body"}, 400, "fields"),
        ("context", {}, 400, "cursor"),
        ("line", {"cursor": "1.1"}, 404, None),
        ("export", {"format": "xml"}, 400, "format"),
        ("sql", {"sql": "DROP TABLE log_lines"}, 400, "sql"),
    ],
)
def test_the_api_names_the_field_that_is_wrong(
    ask: Callable[..., tuple[int, dict[str, object]]],
    path: str,
    parts: dict[str, str],
    status: int,
    field: str | None,
) -> None:
    found = ask(path, **parts)
    assert (found[0], found[1].get("field")) == (status, field)


def test_the_api_takes_no_stranger(lines: None, db: None, client: Client) -> None:
    assert client.get("/api/v1/logs/search", headers={"host": "localhost"}).status_code == 401
    secret = tokens.create_token(LOCAL, "i", "intake")
    headers = {"authorization": f"Bearer {secret}", "host": "localhost"}
    assert client.get("/api/v1/logs/search", headers=headers).status_code == 403


@pytest.mark.django_db(transaction=True)
def test_an_export_streams(lines: None) -> None:
    secret = tokens.create_token(LOCAL, "t", "read")

    async def download() -> tuple[str, bytes]:
        headers = {"authorization": f"Bearer {secret}", "host": "localhost"}
        answer = await AsyncClient().get("/api/v1/logs/export?format=csv&range=last+2h", headers=headers)
        return answer["Content-Disposition"], b"".join([chunk async for chunk in cast("AsyncIterator[bytes]", answer)])

    name, body = async_to_sync(download)()
    assert name.endswith('.csv"')
    assert len(body.splitlines()) > 300
