"""Clean-up jobs on their screens, through the API and on the command line, over a real SQLite file."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from tests.web import seed
from typer.testing import CliRunner

from mainstay.catalog.models import Service
from mainstay.core import access, tokens
from mainstay.faces.cli.main import app
from mainstay.restore.sqldesk.jobs import execution
from mainstay.restore.sqldesk.models import Connection, Job

pytestmark = pytest.mark.usefixtures("shop")
FORM = {
    "connection": "files",
    "title": "Old orders",
    "reason": "Nobody needs them",
    "table": "orders",
    "condition": "day < :day",
    "parameters": '{"day": 40}',
    "action": "delete",
}


@pytest.fixture
def orders(shop: None, tmp_path: Path) -> Path:
    place = tmp_path / "orders.db"
    with sqlite3.connect(place) as file:
        file.execute("CREATE TABLE orders (id INTEGER PRIMARY KEY, day INTEGER)")
        file.executemany("INSERT INTO orders VALUES (?, ?)", [(n, n) for n in range(100)])
    file.close()
    made = Connection.objects.create(key="files", name="Files", dialect="sqlite", address=str(place))
    made.services.add(Service.objects.get(key="wiki"))
    return place


def count(place: Path) -> int:
    file = sqlite3.connect(place)
    found = int(file.execute("SELECT count(*) FROM orders").fetchone()[0])
    file.close()
    return found


def test_a_job_goes_its_way_over_the_screens(orders: Path, sign_in: Callable[[str], Client]) -> None:
    ben, ana = sign_in("ben"), sign_in("ana")
    path = ben.post("/jobs/new", FORM)["Location"]
    shown = ben.get(path).content.decode()
    assert '<strong class="num">40</strong> rows' in shown
    ben.post(f"{path}/request")
    assert "another person has to approve" in ben.get(path).content.decode()
    page = ana.get(path).content.decode()
    ana.post(f"{path}/approve", {"hash": seed.found('name="hash" value="([0-9a-f]{64})"', page)})
    assert "It is approved." in ana.get(path).content.decode()
    ben.post(f"{path}/start")
    run = execution.claim()
    assert run is not None
    execution.carry(run)
    assert "40" in ben.get(path, headers={"hx-request": "true"}).content.decode()
    assert count(orders) == 60
    record = ben.get(f"{path}.md").content.decode()
    assert "Approved by | Ana Ruiz" in record
    assert "| 1 | 40 |" in record


def test_mistakes_are_said_with_their_field_and_keep_the_form(orders: Path, sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    for change, said in (
        ({"condition": "pg_sleep(1) IS NULL"}, "condition:"),
        ({"parameters": "day = 4"}, "parameters: write JSON"),
        ({"batch_rows": "many"}, "batch_rows: write a whole number"),
    ):
        answer = ben.post("/jobs/new", {**FORM, **change})
        assert answer.status_code == 400
        assert said in answer.content.decode()
        assert "Nobody needs them" in answer.content.decode()


def test_a_viewer_does_not_see_production_data(orders: Path, sign_in: Callable[[str], Client]) -> None:
    for path in ("/jobs", "/jobs/1", "/jobs/new", "/jobs/1.md"):
        assert sign_in("vic").get(path).status_code == 403


def test_programs_write_jobs_and_cannot_approve_them(orders: Path, client: Client) -> None:
    secret = tokens.create_token(access.LOCAL, "ci", "write")
    headers = {"host": "localhost", "authorization": f"Bearer {secret}"}
    body = json.dumps({**FORM, "parameters": {"day": 40}})
    made = client.post("/api/v1/sql/jobs/propose", body, content_type="application/json", headers=headers).json()
    assert (made.get("state"), made.get("dry_run", {}).get("rows")) == ("draft", 40), made
    path = f"/api/v1/sql/jobs/{made['id']}"
    assert (
        client.post(f"{path}/request", content_type="application/json", headers=headers).json()["state"] == "requested"
    )
    refused = client.post(f"{path}/approve", content_type="application/json", headers=headers)
    assert (refused.status_code, refused.json()["field"]) == (400, "action")
    assert client.post(f"{path}/start", content_type="application/json", headers=headers).status_code == 409
    assert client.get(path, headers=headers).json()["rows"] == 40
    assert len(client.get("/api/v1/sql/jobs", headers=headers).json()["jobs"]) == Job.objects.count()


def test_the_command_line_writes_shows_and_records(orders: Path) -> None:
    def run(*words: str) -> str:
        done = CliRunner().invoke(app, ["sql", "jobs", *words])
        assert done.exit_code == 0, done.output
        return done.output

    options = [part for name in FORM for part in (f"--{name}", FORM[name])]
    made = json.loads(run("propose", *options, "--any-time", "--json"))
    number = str(made["id"])
    assert made["dry_run"]["rows"] == 40
    assert json.loads(run("dry-run", number, "--json"))["rows"] == 40
    run("request", number)
    assert json.loads(run("show", number, "--json"))["state"] == "requested"
    assert "Old orders" in run("list")
    assert "# JOB-" in run("record", number)
    assert count(orders) == 100
