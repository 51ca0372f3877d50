"""The way of a correction through the screens: written, seen, approved by a colleague, carried out, taken back."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from django.test import Client
from tests.web import seed_desk

from mainstay.core.settings import current
from mainstay.respond.incidents.models import Incident
from mainstay.restore.sqldesk.correct import execution
from mainstay.restore.sqldesk.models import Correction

pytestmark = pytest.mark.django_db


@pytest.fixture
def orders(shop: None) -> Path:
    path = Path(current().data_dir) / "orders.sqlite3"
    path.unlink(missing_ok=True)
    seed_desk.desk()
    return path


def first() -> int:
    """The number of the correction that is done; the one that waits follows."""
    return int(Correction.objects.order_by("pk").values_list("pk", flat=True)[0])


def state_of(path: Path, number: int) -> tuple[str, str]:
    with sqlite3.connect(path) as shop:
        found: tuple[str, str] = shop.execute("SELECT state, note FROM orders WHERE id = ?", [number]).fetchone()
    shop.close()
    return found


FORM = {
    "connection": "orders",
    "incident": "",
    "title": "Mark as lost",
    "reason": "The parcel service says so",
    "statements": "UPDATE orders SET state = :state WHERE id = 880005;\n"
    "UPDATE orders SET note = 'lost' WHERE id = 880005",
    "parameters": "state = lost",
    "expected_rows": "2",
}


def test_from_the_form_to_done_and_back(orders: Path, sign_in: Callable[[str], Client]) -> None:
    ben, ana = sign_in("ben"), sign_in("ana")
    answer = ben.post("/corrections/new", {**FORM, "incident": f"INC-{Incident.objects.latest('pk').pk}"})
    place = answer["Location"]
    page = ben.get(place).content.decode()
    assert "lost" in page
    assert state_of(orders, 880005) == ("pending", "row 880005")
    ben.post(f"{place}/request")
    assert "another person has to approve" in ben.get(place).content.decode()
    seen = ana.get(place).context["hash"]
    ana.post(f"{place}/approve", {"hash": seen})
    ben.post(f"{place}/start")
    assert execution.claim() == Correction.objects.latest("pk").pk
    execution.carry(Correction.objects.latest("pk").pk)
    assert state_of(orders, 880005) == ("lost", "lost")
    assert "2 rows were changed" in ben.get(place).content.decode()
    undo = ben.post(f"{place}/undo", {"reason": "It was found"})["Location"]
    assert "1</strong> go back" in ben.get(undo).content.decode()


def test_what_was_typed_is_kept_when_it_is_wrong(orders: Path, sign_in: Callable[[str], Client]) -> None:
    answer = sign_in("ben").post("/corrections/new", {**FORM, "statements": "UPDATE orders SET state = 'x'"})
    page = answer.content.decode()
    assert answer.status_code == 200
    assert "without WHERE" in page
    assert "The parcel service says so" in page
    assert "UPDATE orders SET state" in page


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("parameters", "what", "write name = value"),
        ("expected_rows", "many", "no whole number"),
        ("incident", "INC-99999", "there is no incident"),
        ("title", "", "in a few words"),
    ],
)
def test_a_wrong_field_is_named(
    orders: Path, sign_in: Callable[[str], Client], field: str, value: str, said: str
) -> None:
    page = sign_in("ben").post("/corrections/new", {**FORM, field: value}).content.decode()
    assert said in page
    assert f"<strong>{field}:</strong>" in page


def test_masked_columns_are_masked_everywhere(orders: Path, sign_in: Callable[[str], Client]) -> None:
    ana = sign_in("ana")
    done, waits = first(), first() + 1
    for place in (f"/corrections/{done}", f"/corrections/{waits}", f"/corrections/{done}.md"):
        page = ana.get(place).content.decode()
        assert "40001234" not in page
        assert "•••000" in page or "•••001" in page


def test_the_record_says_who_and_what(orders: Path, sign_in: Callable[[str], Client]) -> None:
    ana = sign_in("ana")
    text = ana.get(f"/corrections/{first()}.md").content.decode()
    for part in ("Asked for by | Ben Okafor", "Approved by | Ana Ruiz", "state = pending", "state = paid", "SHA-256"):
        assert part in text
    answer = ana.get(f"/corrections/{first()}.pdf")
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF-")


def test_a_viewer_does_not_see_production_data(orders: Path, sign_in: Callable[[str], Client]) -> None:
    viewer = sign_in("vic")
    assert viewer.get("/corrections").status_code == 403
    assert viewer.get(f"/corrections/{first()}.md").status_code == 403
