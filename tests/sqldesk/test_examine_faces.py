"""Reads through the screen, the API and the command line."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlencode

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from django.core.asgi import get_asgi_application
from django.db import connections
from django.test import AsyncClient, Client
from typer.testing import CliRunner

from mainstay.core import clock
from mainstay.core.access import LOCAL
from mainstay.core.models import Person
from mainstay.faces.api.read import show_incidents
from mainstay.restore.sqldesk.examine import known
from mainstay.restore.sqldesk.models import Correction, Evidence, Read, SavedQuery
from tests.parts import until
from tests.sqldesk.databases import Database, of_url
from tests.sqldesk.desk import connect
from tests.sqldesk.test_examine import ENDLESS, SHOP, incident

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def shop(company: None, tmp_path: Path) -> Database:
    """A shop in a file."""
    known.forget()
    path = tmp_path / "shop.db"
    sqlite3.connect(path).close()
    path.touch()
    database = of_url(f"sqlite:///{path}")
    database.run(*SHOP)
    return database


@pytest.fixture
def browser(shop: Database) -> Callable[[str], Client]:
    def signed_in(who: str) -> Client:
        client = Client()
        client.force_login(Person.objects.get(email=f"{who}@x.example"))
        return client

    return signed_in


def test_the_screen_teaches_before_there_is_a_connection(browser: Callable[[str], Client]) -> None:
    assert b"No database is connected" in browser("ben").get("/sql").content


def test_asking_on_the_screen(shop: Database, browser: Callable[[str], Client]) -> None:
    connect(shop, masks=[{"column": "card"}])
    ben = browser("ben")
    empty = ben.get("/sql").content.decode()
    assert "production" in empty
    assert "Nothing yet" in empty
    shown = ben.post(
        "/sql", {"connection": "shop", "sql": "SELECT * FROM people ORDER BY id", "token": "a"}
    ).content.decode()
    assert "ana@x.example" in shown
    assert "4111" not in shown
    assert "NULL" in shown
    refused = ben.post("/sql", {"connection": "shop", "sql": "DELETE FROM people", "token": "a"}).content.decode()
    assert "DELETE changes data" in refused
    assert browser("vic").get("/sql").status_code == 403
    assert ben.get("/sql/words/shop").json()["words"] == ["card", "contact", "email", "folk", "id", "name", "people"]
    assert b"people" in ben.get("/sql/schema/shop").content
    assert Read.objects.count() == 2


def test_saved_queries_take_their_parameters_from_the_incident(
    shop: Database, browser: Callable[[str], Client]
) -> None:
    connect(shop)
    ben, at = browser("ben"), incident()
    posted = {"connection": "shop", "sql": "SELECT name FROM people WHERE id = :n", "do": "save", "name": "One"}
    assert ben.post("/sql", posted).status_code == 302
    query = SavedQuery.objects.get()
    SavedQuery.objects.update(parameters=[{"name": "n", "type": "whole", "source": "incident.id"}])
    assert f'name="p_n" value="{at.pk}"' in ben.get(f"/sql?saved={query.pk}&incident={at.pk}").content.decode()
    asked = {"saved": query.pk, "p_n": "1", "incident": at.pk, "pin": "Who"}
    assert "Pinned to incident" in ben.post("/sql", asked).content.decode()
    kept = Evidence.objects.get()
    assert b"As it was pinned" in ben.get(f"/sql/evidence/{kept.pk}").content
    assert f'href="/sql/evidence/{kept.pk}"' in ben.get(f"/i/{at.pk}").content.decode()
    assert ben.post(f"/sql/saved/{query.pk}/delete").status_code == 302


def test_an_incident_lists_what_is_kept_for_it(shop: Database, browser: Callable[[str], Client]) -> None:
    connect(shop)
    at, ben, vic = incident(), browser("ben"), browser("vic")
    assert "Nothing is kept yet" in ben.get(f"/i/{at.pk}/evidence").content.decode()
    assert "Nothing was kept." in ben.get(f"/i/{at.pk}.md").content.decode()
    asked = {"connection": "shop", "sql": "SELECT id FROM people", "incident": at.pk, "pin": "All | of them"}
    ben.post("/sql", asked)
    kept = Evidence.objects.get()
    link = f"/sql/evidence/{kept.pk}"
    assert link in ben.get(f"/i/{at.pk}/evidence").content.decode()
    told = ben.get(f"/i/{at.pk}.md").content.decode()
    assert link in told
    assert kept.digest in told
    (one,) = show_incidents(LOCAL, str(at.pk))["evidence"]
    assert (one["who"], one["kind"], one["link"], one["digest"]) == ("Ben", "Answer", link, kept.digest)

    Correction.objects.create(
        connection=kept.read.connection,
        incident=at,
        title="Names",
        requested_name="Ben",
        started_name="Ana",
        created_at=clock.now(),
        state=Correction.State.DONE,
    )
    changed = show_incidents(LOCAL, str(at.pk))["evidence"][1]
    assert (changed["who"], changed["kind"]) == ("Ben", "Correction")
    assert changed["what"].endswith(": Names, done")

    assert link not in vic.get(f"/i/{at.pk}").content.decode()
    assert "## Evidence" not in vic.get(f"/i/{at.pk}.md").content.decode()
    assert vic.get(f"/i/{at.pk}/evidence").status_code == 403


def test_a_colleague_approves_on_the_screen(shop: Database, browser: Callable[[str], Client]) -> None:
    connect(shop, sensitive=True)
    ben, ana = browser("ben"), browser("ana")
    ben.post("/sql", {"connection": "shop", "sql": "SELECT name FROM people WHERE id = 1", "reason": "A customer asks"})
    read = Read.objects.get()
    page = f"/sql/reads/{read.pk}"
    assert b"Approve" not in ben.get(page).content
    seen = ana.get(page).content.decode()
    posted = {"hash": seen.partition('name="hash" value="')[2].partition('"')[0]}
    assert ana.post(f"{page}/approve", posted).status_code == 302
    assert b"Ana" in ben.post(f"{page}/run").content
    assert ben.post(f"{page}/run").status_code == 409


def test_a_file_is_streamed(shop: Database, browser: Callable[[str], Client]) -> None:
    connect(shop)

    async def download() -> str:
        client = AsyncClient()
        await client.aforce_login(await Person.objects.aget(email="ben@x.example"))
        asked = {"connection": "shop", "sql": "SELECT id FROM people ORDER BY id", "do": "csv"}
        answer = await client.post("/sql", asked)
        found = b"".join([piece async for piece in answer]).decode()  # type: ignore[attr-defined]
        await sync_to_async(connections.close_all)()
        return found

    assert asyncio.run(download()) == "id\r\n1\r\n2\r\n"
    assert Read.objects.get().state == "done"


def test_a_closed_tab_stops_the_read(shop: Database, browser: Callable[[str], Client]) -> None:
    connect(shop, statement_timeout=60)
    client = browser("ben")
    form = client.get("/sql").content.decode()
    cookies = "; ".join(f"{name}={one.value}" for name, one in client.cookies.items())
    token = form.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    body = urlencode(
        {"connection": "shop", "sql": ENDLESS["sqlite"], "token": "tab", "csrfmiddlewaretoken": token}
    ).encode()
    headers = {"cookie": cookies, "content-type": "application/x-www-form-urlencoded", "host": "testserver"}
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/sql",
        "query_string": b"",
        "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    def running() -> bool:
        try:
            return Read.objects.filter(token="tab", state="running").exists()
        finally:
            connections.close_all()

    async def visit() -> None:
        tab = ApplicationCommunicator(get_asgi_application(), scope)  # type: ignore[no-untyped-call]
        await tab.send_input({"type": "http.request", "body": body})  # type: ignore[no-untyped-call]
        await asyncio.to_thread(until, "it runs", running)
        await tab.send_input({"type": "http.disconnect"})  # type: ignore[no-untyped-call]
        await tab.wait(30)  # type: ignore[no-untyped-call]

    asyncio.run(visit())
    until("the read has ended", lambda: Read.objects.get(token="tab").state != "running")
    assert Read.objects.get(token="tab").state == "cancelled"


def test_the_api_answers_with_columns_and_rows(shop: Database) -> None:
    from mainstay.core import tokens

    connect(shop)
    secret = tokens.create_token(LOCAL, "ci", "write")
    headers = {"authorization": f"Bearer {secret}"}

    def call(method: str, path: str, body: object = None) -> tuple[int, dict[str, object]]:
        data = json.dumps(body) if body is not None else ""
        answer = Client().generic(method, f"/api/v1/sql/{path}", data, "application/json", headers=headers)
        return answer.status_code, answer.json()

    status, found = call("POST", "run", {"connection": "shop", "sql": "SELECT id, name FROM people WHERE id = 1"})
    assert (status, found["rows"]) == (200, [[1, "Ana"]])
    status, found = call("POST", "run", {"connection": "shop", "sql": "DROP TABLE people"})
    assert (status, found["field"], found["rule"]) == (422, "sql", "not_a_read")
    assert call("GET", "connections")[1]["connections"]
    assert call("GET", "connections/shop/schema")[1]["tables"]
    assert len(call("GET", "reads")[1]["reads"]) == 2  # type: ignore[arg-type]
    assert call("GET", "saved")[1] == {"saved": []}


def test_the_command_prints_rows_and_writes_files(shop: Database, tmp_path: Path) -> None:
    from mainstay.faces.cli.main import app

    connect(shop)
    run = CliRunner().invoke
    shown = run(app, ["sql", "run", "shop", "SELECT name FROM people WHERE id = :n", "--value", "n=1", "--json"])
    assert json.loads(shown.stdout) == [{"name": "Ana"}]
    target = tmp_path / "people.csv"
    assert run(app, ["sql", "run", "shop", "SELECT id FROM people", "--to", str(target)]).exit_code == 0
    assert target.read_text().splitlines() == ["id", "1", "2"]
