"""Log formats on their screens, over a real engine: written against real lines, kept by maintainers."""

import re
from collections.abc import Callable, Iterator
from urllib.parse import urlencode

import pytest
from django.test import Client
from tests import engine
from tests.web import seed

from mainstay.core.models import AuditEntry
from mainstay.observe.logs import services as logs
from mainstay.observe.logs.formats.models import LogFormat
from mainstay.observe.logs.lines import Lines, Origin

LINES = (
    "17 LDG B-0041 rows=12 took 35 ms, closing the <b>batch</b> now",
    "18 LDG B-0042 rows=7 took 1 ms, closing the <b>batch</b> now",
    "19 LDG oddly written",
    "something else",
)
PATTERN = r"%{INT:code:int} LDG (?<batch>B-\d+) rows=%{INT:rows:int} took %{NUMBER:ms:float} ms, %{GREEDYDATA:message}"
FORM = {"key": "ledger", "services": "ledger", "contains": "LDG", "pattern": PATTERN, "time": "time", "level": "level"}
FORM |= {"message": "message", "keep_line": "on", "enabled": "on"}


@pytest.fixture(scope="module")
def store() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture
def written(store: None, shop: None) -> None:
    engine.empty()
    logs.accept(Lines([Origin("ledger", "h", "test")], [0] * len(LINES), LINES, whole=True))
    engine.settle()


def tried(client: Client, **changes: str) -> str:
    """What the screen shows while somebody writes."""
    answer = client.post("/logs/formats/edit", {**FORM, **changes}, headers={"hx-request": "true"})
    assert answer.status_code == 200
    return answer.content.decode()


def test_a_pattern_is_seen_on_real_lines_as_it_is_written(written: None, ana: Client) -> None:
    text = tried(ana)
    assert "<html" not in text
    assert re.search(r"2 of 3 lines\s+fit<", text)
    assert "<b>rows</b>12</mark>" in text
    assert "B-0041" in text
    # Nothing of a line becomes markup.
    assert "<b>batch</b> now" not in text
    assert "closing the &lt;b&gt;batch" in text
    # Of the line that does not fit: up to where it did, and what is missing there.
    assert '<span class="unreached">oddly written</span>' in text
    assert "Here is no <code>(?&lt;batch&gt;B-\\d+)</code>" in text
    assert "something else" not in text
    assert "attribute, int" in text


def test_what_is_wrong_with_a_pattern_is_said_with_its_place(written: None, ana: Client) -> None:
    text = tried(ana, pattern="%{INT:a} (?=x)")
    assert "character 10: lookahead is not supported" in text
    assert "%{INT:a} (?=x)\n         ^</pre>" in text
    assert "levels: &#x27;X7&#x27; names no level" in tried(ana, levels="X7")
    assert "there is no zone" in tried(ana, timezone="Mars/Base")
    assert "Write a pattern" in tried(ana, pattern="")


def test_lines_of_ones_own_can_be_tried_and_names_be_defined(written: None, ana: Client) -> None:
    text = tried(ana, services="nobody", own_lines="a7\nb8", pattern="%{MINE:x}", patterns="MINE a[0-9]", contains="")
    assert re.search(r"1 of 2 lines\s+fit<", text)
    assert "no line of these services" in tried(ana, services="nobody")


def test_the_form_works_without_a_script(written: None, ana: Client) -> None:
    page = ana.post("/logs/formats/edit", {**FORM, "do": "try"}).content.decode()
    assert "<h1" in page
    assert re.search(r"2 of 3 lines\s+fit<", page)
    assert not LogFormat.objects.filter(key="ledger").exists()


def test_a_maintainer_keeps_a_format_changes_it_and_deletes_it(written: None, ana: Client) -> None:
    done = ana.post("/logs/formats/edit", {**FORM, "do": "save", "levels": "X7=fatal", "patterns": "A [ab]+"})
    assert (done.status_code, done["location"]) == (302, "/logs/formats")
    row = LogFormat.objects.get(key="ledger")
    assert (row.services, row.levels, row.patterns, row.source) == (["ledger"], {"X7": "fatal"}, {"A": "[ab]+"}, "")
    assert "LDG" in ana.get("/logs/formats").content.decode()
    form = ana.get("/logs/formats/edit?key=ledger").content.decode()
    assert 'value="X7=fatal"' in form
    assert "A [ab]+</textarea>" in form
    assert "(?&lt;batch&gt;B-\\d+)" in form
    ana.post("/logs/formats/ledger/remove")
    assert not LogFormat.objects.filter(key="ledger").exists()
    assert AuditEntry.objects.filter(action="logs.format.remove").exists()
    refused = ana.post("/logs/formats/edit", {**FORM, "do": "save", "key": "a b"})
    assert refused.status_code == 400
    assert "this is no key" in refused.content.decode()


def test_who_is_no_maintainer_can_try_and_not_keep(written: None, sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    assert re.search(r"2 of 3 lines\s+fit<", tried(ben))
    assert "Keep it" not in ben.get("/logs/formats/edit").content.decode()
    assert ben.post("/logs/formats/edit", {**FORM, "do": "save"}).status_code == 403
    assert ben.post("/logs/formats/settlement-batch/remove").status_code == 403


def test_what_comes_from_a_file_is_changed_there(shop: None, ana: Client) -> None:
    page = ana.get("/logs/formats/edit?key=settlement-batch").content.decode()
    assert "change it there" in page
    assert "Keep it" not in page
    refused = ana.post("/logs/formats/edit", {**FORM, "key": "settlement-batch", "do": "save"})
    assert refused.status_code == 400
    assert "change it there" in refused.content.decode()


def test_a_line_begins_a_format(written: None, ana: Client) -> None:
    page = ana.get("/logs?" + urlencode({"query": "B-0041"})).content.decode()
    line = seed.found(r'class="at" href="([^"]+)"', page).replace("&amp;", "&")
    detail = ana.get(line).content.decode()
    address = seed.found(r'href="(/logs/formats/edit\?line=[^"]+)"', detail)
    form = ana.get(address).content.decode()
    assert 'value="ledger"' in form
    assert "rows=%{INT:rows:int} took %{INT:took:int} ms" in form
    assert re.search(r"1 of 4 lines\s+fit<", form)
    assert ana.get("/logs/formats/edit?line=nonsense").status_code == 200


def test_a_store_that_does_not_answer_leaves_the_form(shop: None, ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    from mainstay.observe.logs.formats import services
    from mainstay.observe.telemetry.services import TelemetryError

    def broken(*_: object) -> list[str]:
        raise TelemetryError("it is away")

    monkeypatch.setattr(services, "recent_lines", broken)
    text = tried(ana, own_lines=LINES[0])
    assert "it is away" in text
    assert re.search(r"1 of 1 line\s+fits<", text)
