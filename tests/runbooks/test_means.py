"""Steps that are no plain programs: requests, the desk, playbooks. And books that lie in files."""

import json
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock, secrets
from mainstay.core.access import LOCAL
from mainstay.core.settings import current
from mainstay.restore.runbooks import books, facts
from mainstay.restore.runbooks.directory import Directory
from mainstay.restore.runbooks.models import Book, Host, Run
from mainstay.restore.sqldesk.models import Correction
from tests.runbooks.shelf import again, cell, done, draft, person, said, states, step, text, work, write
from tests.sqldesk import desk
from tests.sqldesk.databases import Database, of_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company"), pytest.mark.once]


class Service(BaseHTTPRequestHandler):
    """Answers with what it was asked, cuts the line at /cut, and is broken at /broken."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        if self.path.startswith("/cut"):
            self.connection.close()
            return
        self.send_response(500 if self.path.startswith("/broken") else 200)
        self.end_headers()
        asked = {"path": self.path, "body": body, "key": self.headers.get("Authorization")}
        self.wfile.write(json.dumps(asked).encode())

    do_GET = do_POST  # noqa: N815 - the name is the server's

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def service() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_request_carries_values_as_data_and_hides_its_key(service: str) -> None:
    secrets.put("API", "key-of-the-api")
    write(
        step(
            "http id=call expect=restart",
            f"url: {service}/restart/{{worker}}\nmethod: POST\nquery: {{why: {{input: why}}}}\n"
            "headers: {Authorization: {secret: API, before: 'Bearer '}}\n"
            "json: {count: {input: count}, why: {input: why}}",
        ),
        inputs="[{name: worker}, {name: why}, {name: count, type: whole}]",
    )
    run = done(draft(inputs={"worker": "a/../b?c", "why": '"}&x=1', "count": "3"}))
    assert run.state == Run.State.DONE, run.state_reason
    asked = json.loads(said(run))
    assert asked["path"] == "/restart/a%2F..%2Fb%3Fc?why=%22%7D%26x%3D1"
    assert json.loads(asked["body"]) == {"count": 3, "why": '"}&x=1'}
    assert asked["key"] == "Bearer •••"


def test_a_wrong_answer_fails_and_a_cut_line_is_of_unknown_outcome(service: str) -> None:
    write(step("http id=call", f"url: {service}/broken\nmethod: POST"))
    assert done(draft()).state_reason == "call failed: the answer was 500"
    write(step("http id=call", f"url: {service}/cut\nmethod: POST"))
    run = done(draft())
    assert (run.state, states(run)) == (Run.State.PERSON, {"call": "unknown"})
    write(step("http id=call", f"url: {service}/cut"))
    assert done(draft()).state == Run.State.FAILED


def test_a_private_address_that_no_setting_names_is_refused() -> None:
    write(step("http id=call", "url: http://10.255.255.1/x\nmethod: POST"))
    assert "outgoing_private" in done(draft()).state_reason


@pytest.fixture
def shop(tmp_path: Path) -> Database:
    (tmp_path / "shop.db").touch()
    database = of_url(f"sqlite:///{tmp_path / 'shop.db'}")
    database.run("CREATE TABLE orders (id INTEGER PRIMARY KEY, state TEXT)")
    database.run("INSERT INTO orders VALUES (1, 'stuck'), (2, 'stuck'), (3, 'done')")
    desk.connect(database)
    return database


def test_a_read_goes_through_the_judge_with_its_values_bound(shop: Database) -> None:
    write(
        step("sql id=look connection=shop", "SELECT id FROM orders WHERE state = :state ORDER BY id"),
        step(
            "check id=none by=sql connection=shop timeout=200ms every=100ms",
            "SELECT count(*) = 0 FROM orders WHERE state = 'x'",
        ),
        inputs="[{name: state}]",
    )
    run = done(draft(inputs={"state": "stuck"}))
    assert (run.state, said(run, "look")) == (Run.State.DONE, "id\n1\n2\n"), run.state_reason
    hostile = done(draft(inputs={"state": "' OR 1=1 --"}))
    assert said(hostile, "look") == "id\n"
    write(step("sql id=look connection=shop", "DELETE FROM orders"))
    assert done(draft()).state == Run.State.FAILED
    assert shop.rows("SELECT count(*) FROM orders")[0][0] == 3


def test_a_change_becomes_a_correction_that_people_approve(shop: Database) -> None:
    write(
        step("sql id=fix connection=shop write=yes rows=2", "UPDATE orders SET state = :state WHERE state = 'stuck'"),
        step("shell id=after", "echo after"),
        inputs="[{name: state}]",
    )
    run = done(draft(inputs={"state": "new"}))
    assert run.state == Run.State.WAITING
    made = Correction.objects.get()
    assert (made.state, cell(run, "fix").outcome) == ("requested", f"{made} waits for approval at the SQL desk")
    from mainstay.restore.sqldesk.correct import facts as correct_facts
    from mainstay.restore.sqldesk.correct import services as corrections

    corrections.approve(person("cleo"), made.pk, correct_facts.hash_of(made))
    corrections.start(person("ben"), made.pk)
    desk.work()
    with clock.moved(timedelta(seconds=10)):
        work()
    assert again(run).state == Run.State.DONE, again(run).state_reason
    assert said(run, "after") == "after\n"
    assert shop.rows("SELECT count(*) FROM orders WHERE state = 'new'")[0][0] == 2


def test_a_playbook_runs_as_it_is_and_evaluates_no_input(tmp_path: Path) -> None:
    hostile = "{{ lookup('pipe', 'touch " + str(tmp_path / "never") + "') }}"
    playbook = (
        "- hosts: all\n  gather_facts: false\n  tasks:\n"
        f"    - copy: {{content: '{{{{ word }}}}', dest: {tmp_path}/got}}\n"
        "    - debug: {msg: \"{{ lookup('env', 'API') }}\"}\n"
    )
    secrets.put("API", "key-of-the-api")
    write(step("ansible id=play secrets=API", playbook), inputs="[{name: word}]")
    run = done(draft(inputs={"word": hostile}))
    assert run.state == Run.State.DONE, (run.state_reason, said(run))
    assert (tmp_path / "got").read_text() == hostile
    assert not (tmp_path / "never").exists()
    assert "key-of-the-api" not in said(run)
    assert "•••" in said(run)


def git(place: Path, *words: str) -> str:
    who = ["-c", "user.name=Cleo", "-c", "user.email=cleo@x.example"]
    return subprocess.run(["git", *who, *words], cwd=place, check=True, capture_output=True, text=True).stdout.strip()


def test_a_directory_in_git_is_read_and_a_bad_file_stops_no_good_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleo = person("cleo")
    monkeypatch.setitem(current().values, "runbook_dir", str(tmp_path))
    git(tmp_path, "init", "-q")
    (tmp_path / "good.md").write_text(text(step("shell id=a", "true"), key="good"))
    (tmp_path / "bad.md").write_text(text(step("shell id=a tmieout=3", "true"), key="bad"))
    (tmp_path / "README.md").write_text("# Books\n")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-qm", "Books.")
    directory = Directory()
    assert directory.read() == 2
    assert directory.read() == 0
    made = books.version(LOCAL, "good")
    assert (made.commit, made.author_id) == (git(tmp_path, "rev-parse", "HEAD"), cleo.person_id)
    assert not Book.objects.filter(key="bad").exists()
    (tmp_path / "good.md").write_text(text(step("shell id=a tmieout=3", "true"), key="good"))
    directory.read()
    book = books.get(LOCAL, "good")
    assert "unknown option 'tmieout'" in book.problem
    assert book.current == made
    (tmp_path / "good.md").write_text(text(step("shell id=a", "echo new"), key="good"))
    directory.read()
    assert books.version(LOCAL, "good").number == 2
    assert books.version(LOCAL, "good").commit.endswith("+")
    (tmp_path / "good.md").unlink()
    directory.read()
    assert not Book.objects.filter(key="good").exists()


def test_books_and_hosts_are_configuration(tmp_path: Path) -> None:
    file = tmp_path / "book.md"
    file.write_text(text(step("shell id=a", "true"), key="filed"))
    inline = text(step("shell id=a", "true"), key="inline").replace("\n", "\n      ")
    wanted = (
        "hosts:\n  - {key: door, address: 'root@door.example'}\n"
        "  - {key: pay-1, address: 'app@pay-1.example:2222', via: door, groups: [pay], secret: deploy}\n"
        f"runbooks:\n  - {{key: filed, path: {file}}}\n  - key: inline\n    text: |\n      {inline}\n"
    )
    asked = read.read([("books.yaml", wanted)])
    assert config.apply(LOCAL, asked)
    assert config.apply(LOCAL, read.read([("books.yaml", wanted)])) == []
    assert Host.objects.get(key="pay-1").via == "door"
    assert facts.book_of(books.version(LOCAL, "inline").text).title == "Fix inline"
    exported = config.export(LOCAL)
    assert "inline" in exported
    file.write_text(text(step("shell id=a", "echo more"), key="filed"))
    assert Directory().read() >= 1
    assert books.version(LOCAL, "filed").number == 2
    with pytest.raises(read.ConfigError, match="unknown option"):
        config.apply(LOCAL, read.read([("books.yaml", wanted.replace("shell id=a", "shell id=a tmieout=1"))]))
    config.apply(LOCAL, read.read([("books.yaml", "teams: []\n")]))
    assert not Book.objects.exists()
    assert not Host.objects.exists()
