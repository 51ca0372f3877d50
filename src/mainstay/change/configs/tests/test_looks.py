"""Configuration looked at where it is, kept without secrets, compared and told, over real files and stores."""

import http.server
import sqlite3
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from mainstay.catalog.models import Service
from mainstay.change.configs import loop, services
from mainstay.change.configs.models import Snapshot, Source, Text
from mainstay.core import access, clock
from mainstay.core.access import LOCAL, AccessError
from mainstay.core.models import InboxItem, Person
from mainstay.core.problems import ProblemError
from mainstay.observe.telemetry import services as telemetry
from mainstay.restore.sqldesk.models import Connection

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
SECRET = "hunter2-Tr0ub4dor"


def source(key: str = "front", **more: Any) -> None:
    usual = {"kind": "files", "host": "", "files": [], "command": "", "url": "", "connection": "", "ignore": []}
    entry = {
        "key": key,
        "name": f"Configuration of {key}",
        "like": "",
        "enabled": True,
        "interval": None,
        **usual,
        **more,
    }
    services.save(LOCAL, entry, Service.objects.get(key="front"), "")


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, list[Any]]]:
    """Change events that were written."""
    found: list[dict[str, list[Any]]] = []
    monkeypatch.setattr(telemetry, "write", lambda table, columns: found.append(columns))
    return found


def folder(place: Path, **files: str) -> list[str]:
    for name, text in files.items():
        path = place / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return [f"{place}/**/*"]


@pytest.mark.usefixtures("told")
def test_a_change_is_kept_once_with_its_difference(
    tmp_path: Path, told: list[dict[str, list[Any]]], django_capture_on_commit_callbacks: Any
) -> None:
    source(files=folder(tmp_path, app="port=1\n", sub__deep=f"password={SECRET}\n"))
    with django_capture_on_commit_callbacks(execute=True):
        first = services.take(LOCAL, "front")
    assert first is not None
    assert first.summary == "first look, 2 files"
    assert services.take(LOCAL, "front") is None
    folder(tmp_path, app="port=2\n", new="x\n")
    (tmp_path / "sub/deep").unlink()
    with django_capture_on_commit_callbacks(execute=True):
        second = services.take(LOCAL, "front")
    assert second is not None
    assert second.summary == "1 changed (app), 1 new (new), 1 gone (deep)"
    (event,) = told
    assert (event["service"], event["kind"]) == (["front"], ["config"])
    assert "-port=1\n+port=2" in event["diff"][0]
    assert SECRET not in event["diff"][0]
    assert "[secret " in event["diff"][0]
    assert services.text_of(LOCAL, second, str(tmp_path / "app")) == "port=2\n"


def test_a_secret_reaches_no_store(tmp_path: Path) -> None:
    """Looked for in every value of every table, unpacked as well."""
    from django.apps import apps

    source(files=folder(tmp_path, env=f"A=1\nAPI_TOKEN={SECRET}\n", k8s=f"kind: Secret\ndata:\n  x: {SECRET}\n"))
    services.take(LOCAL, "front")
    folder(tmp_path, env=f"A=2\nAPI_TOKEN={SECRET}!\n")
    services.take(LOCAL, "front")
    for model in apps.get_models():
        for row in model._default_manager.values_list():
            for value in row:
                data = bytes(value) if isinstance(value, (bytes, memoryview)) else str(value).encode()
                assert b"hunter2" not in data, model
    assert all("hunter2" not in services._unpacked(row.packed).decode() for row in Text.objects.all())


def test_lines_that_always_differ_are_left_out(tmp_path: Path) -> None:
    source(files=folder(tmp_path, app="port=1\n# generated 12:00\n"), ignore=["# generated"])
    services.take(LOCAL, "front")
    folder(tmp_path, app="port=1\n# generated 13:00\n")
    assert services.take(LOCAL, "front") is None


def test_what_is_no_text_or_too_large_is_known_by_a_tag(tmp_path: Path) -> None:
    (tmp_path / "key.der").write_bytes(b"\0\1secret")
    (tmp_path / "large").write_bytes(b"x" * (1024 * 1024 + 1))
    source(files=[f"{tmp_path}/*"])
    row = services.take(LOCAL, "front")
    assert row is not None
    assert "no text, 8 bytes" in services.text_of(LOCAL, row, str(tmp_path / "key.der"))
    assert "more than config_file_kb" in services.text_of(LOCAL, row, str(tmp_path / "large"))
    (tmp_path / "key.der").write_bytes(b"\0\1secreT")
    assert services.take(LOCAL, "front") is not None


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"files": ["/nowhere/*"]}, "no file fits /nowhere"),
        ({"kind": "command", "command": "echo bad >&2; exit 3"}, "it ended with 3: bad"),
        ({"kind": "http", "url": "http://10.9.8.7/"}, "private address"),
        ({"kind": "database", "connection": "nowhere"}, "no connection 'nowhere'"),
        ({"kind": "command", "command": "true", "host": "nowhere"}, "no host 'nowhere'"),
        ({"files": ["/etc/$(reboot)"], "host": "nowhere"}, "a pattern has letters"),
    ],
)
def test_what_hinders_a_look_stands_at_the_source(more: dict[str, Any], why: str) -> None:
    source(**more)
    with pytest.raises(ProblemError, match=r".*"):
        services.take(LOCAL, "front")
    assert why in Source.objects.get().problem
    assert not Snapshot.objects.exists()


def test_a_command_is_looked_at() -> None:
    source(kind="command", command=f"echo level=debug; echo DB_PASSWORD={SECRET}")
    row = services.take(LOCAL, "front")
    assert row is not None
    text = services.text_of(LOCAL, row, "output")
    assert text.startswith("level=debug\nDB_PASSWORD=[secret ")


@pytest.fixture
def answers() -> Iterator[tuple[str, list[bytes]]]:
    bodies = [b'{"b": 1, "a": {"token": "%s"}}' % SECRET.encode()]

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(bodies[0])

        def log_message(self, *_: object) -> None:
            """Be quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/config", bodies
        server.shutdown()


def test_an_address_is_looked_at_and_the_order_of_json_means_nothing(answers: tuple[str, list[bytes]]) -> None:
    url, bodies = answers
    source(kind="http", url=url)
    row = services.take(LOCAL, "front")
    assert row is not None
    assert SECRET not in services.text_of(LOCAL, row, "answer")
    bodies[0] = b'{"a": {"token": "%s"}, "b": 1}' % SECRET.encode()
    assert services.take(LOCAL, "front") is None
    bodies[0] = bodies[0].replace(b'"b": 1', b'"b": 2')
    assert services.take(LOCAL, "front") is not None


def test_the_settings_of_a_database_are_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "shop.sqlite3"
    with sqlite3.connect(path) as shop:
        shop.execute("CREATE TABLE orders (id INTEGER)")
    shop.close()
    Connection.objects.create(key="shop", name="Shop", dialect="sqlite", address=str(path))
    source(kind="database", connection="shop")
    row = services.take(LOCAL, "front")
    assert row is not None
    assert services.text_of(LOCAL, row, "settings") == "orders = CREATE TABLE orders (id INTEGER)\n"


def test_two_that_must_look_the_same_and_do_not_are_told_until_they_do(tmp_path: Path) -> None:
    one, two = (folder(tmp_path / name, app="port=1\n") for name in ("one", "two"))
    source("one", kind="command", command=f"cat {one[0].replace('**/*', 'app')}")
    source("two", kind="command", command=f"cat {two[0].replace('**/*', 'app')}", like="one")
    assert loop.run_due(limit=2) == 2
    assert not InboxItem.objects.exists()
    folder(tmp_path / "two", app="port=9\n")
    with clock.moved(timedelta(hours=1)):
        loop.run_due(limit=2)
        assert loop.look_for_drift() == 0
        signal = InboxItem.objects.get().payload
        assert (signal["state"], signal["labels"]["alertname"]) == ("firing", "ConfigurationDrift")
        assert Source.objects.get(key="two").drift_text == "1 changed (output)"
        folder(tmp_path / "one", app="port=9\n")
    with clock.moved(timedelta(hours=2)):
        loop.run_due(limit=2)
    assert [item.payload["state"] for item in InboxItem.objects.order_by("pk")] == ["firing", "resolved"]


def test_a_source_is_looked_at_when_it_is_due_and_by_one_worker(tmp_path: Path) -> None:
    source(files=folder(tmp_path, app="1"))
    assert loop.run_due() == 1
    assert loop.run_due() == 0
    with clock.moved(timedelta(minutes=16)):
        assert loop.run_due() == 1


def test_texts_that_no_look_has_any_more_are_forgotten(tmp_path: Path) -> None:
    source(files=folder(tmp_path, app="1", same="s"))
    services.take(LOCAL, "front")
    folder(tmp_path, app="2")
    services.take(LOCAL, "front")
    assert Text.objects.count() == 3
    assert services.prune() == 0
    Snapshot.objects.order_by("pk")[0].delete()
    assert services.prune() == 1


def test_what_it_holds_takes_a_responder(tmp_path: Path) -> None:
    source(files=folder(tmp_path, app="1"))
    services.take(LOCAL, "front")
    viewer = access.of_person(Person.objects.get(name="Vic"))
    assert services.visible(viewer).count() == 1
    with pytest.raises(AccessError):
        services.snapshots(viewer, services.get(viewer, "front"))


def test_it_is_kept_for_a_release_even_if_nothing_changed(tmp_path: Path) -> None:
    source(files=folder(tmp_path, app="1"))
    services.take(LOCAL, "front")
    row = services.take(LOCAL, "front", "release 4.1.7")
    assert row is not None
    assert (row.summary, row.why) == ("nothing changed", "release 4.1.7")


def test_a_release_has_it_looked_at_now(tmp_path: Path) -> None:
    source(files=folder(tmp_path, app="1"))
    loop.run_due()
    assert loop.run_due() == 0
    assert services.look_soon(Service.objects.get(key="front")) == 1
    assert loop.run_due() == 1
