"""Runbooks and runs on their screens: written, followed, asked for, approved, answered, stopped."""

from collections.abc import Callable

import pytest
from django.test import Client
from tests.web import seed_runbooks
from tests.web.test_queries import count

from mainstay.respond.incidents.models import Incident
from mainstay.restore.runbooks.models import Book, Run

pytestmark = pytest.mark.django_db(transaction=True)
SignIn = Callable[[str], Client]


@pytest.fixture
def shelf(shop: None) -> None:
    seed_runbooks.runbooks()


def latest() -> Run:
    return Run.objects.latest("pk")


def test_a_book_is_read_by_anybody_and_run_by_those_who_may(shelf: None, sign_in: SignIn) -> None:
    viewer = sign_in("vic").get("/runbooks/restart-payments")
    page = viewer.content.decode()
    assert "Restart the workers" in page
    assert "/runbooks/restart-payments/run" not in page
    assert "INPUT_workers" in page
    assert sign_in("vic").get("/runs").status_code == 403
    assert "/runbooks/restart-payments/run" in sign_in("ben").get("/runbooks/restart-payments").content.decode()


def test_the_shelf_finds_by_word_and_service(shelf: None, sign_in: SignIn) -> None:
    ben = sign_in("ben")
    page = ben.get("/runbooks?q=certificate").content.decode()
    assert "Rotate the certificate" in page
    assert "Look at the disks" not in page
    assert "Look at the disks" in ben.get("/runbooks?service=orders").content.decode()
    assert "No runbook fits" in ben.get("/runbooks?q=nosuchthing").content.decode()


def test_versions_are_compared(shelf: None, sign_in: SignIn) -> None:
    page = sign_in("ben").get("/runbooks/restart-payments/versions/1/2").content.decode()
    assert "for long" in page
    assert "for an hour" in page
    assert "This is an old version" in sign_in("ben").get("/runbooks/restart-payments?version=1").content.decode()


def test_a_wrong_text_is_refused_by_line_and_nothing_is_lost(shelf: None, sign_in: SignIn) -> None:
    ana, text = sign_in("ana"), seed_runbooks.LOOK.replace("```check", "```chekc")
    answer = ana.post("/runbooks/look-at-disk/edit", {"text": text, "do": "save"})
    assert answer.status_code == 400
    assert "chekc" in answer.content.decode()
    assert Book.objects.get(key="look-at-disk").versions.count() == 1
    panel = ana.post("/runbooks/look-at-disk/edit", {"text": text}, headers={"hx-request": "true"}).content.decode()
    assert "line" in panel
    assert "<html" not in panel
    kept = ana.post("/runbooks/look-at-disk/edit", {"text": seed_runbooks.LOOK + "\nMore.\n", "do": "save"})
    assert kept["Location"] == "/runbooks/look-at-disk"
    assert Book.objects.get(key="look-at-disk").versions.count() == 2
    assert sign_in("ben").post("/runbooks/new", {"text": seed_runbooks.LOOK, "do": "save"}).status_code == 403


def test_from_the_form_over_the_approval_to_the_worker(shelf: None, sign_in: SignIn) -> None:
    ben, ana = sign_in("ben"), sign_in("ana")
    incident = Incident.objects.latest("pk").pk
    form = {"input-workers": "6", "input-region": "north", "reason": "They hang", "incident": f"INC-{incident}"}
    wrong = ben.post("/runbooks/restart-payments/run", {**form, "input-workers": "many"})
    assert wrong.status_code == 400
    assert 'value="many"' in wrong.content.decode()
    path = ben.post("/runbooks/restart-payments/run", form)["Location"]
    assert path == f"/runs/{latest().pk}"
    assert latest().incident_id == incident
    ben.post(f"{path}/request")
    mine = ben.get(path).content.decode()
    assert "another person has to approve" in mine
    page = ana.get(path).content.decode()
    assert "They hang" in page
    assert "Since last time" in page
    assert "<del>4</del> → <ins>6</ins>" in page
    ana.post(f"{path}/approve", {"hash": page.split('name="hash" value="')[1].split('"')[0]})
    ben.post(f"{path}/start")
    assert latest().state == Run.State.WAITING
    ben.post(f"{path}/stop")
    assert latest().state == Run.State.STOPPED


def test_what_a_step_wrote_is_shown_from_where_it_was_left(shelf: None, sign_in: SignIn) -> None:
    ben, run = sign_in("ben"), Run.objects.earliest("pk")
    step = run.steps.get(step="restart")
    whole = ben.get(f"/runs/{run.pk}/output?step={step.pk}").content.decode()
    assert "restarting 4 workers in north" in whole
    assert 'class="o-err">worker 3 did not stop' in whole
    assert "hx-get" not in whole  # It is over: nothing more comes.
    every = ben.get(f"/runs/{run.pk}/output").content.decode()
    assert every.index("restart on the worker") < every.index("restarting 4 workers")
    assert "restarting 4" in ben.get("/runs?q=restarting+4").content.decode()
    assert "at least three" in ben.get("/runs?q=re").content.decode()


def test_a_question_is_answered_on_the_page(shelf: None, sign_in: SignIn) -> None:
    run = Run.objects.get(state=Run.State.PERSON)
    ben, cell = sign_in("ben"), run.steps.get(step="look")
    assert "Is the queue still growing?" in ben.get(f"/runs/{run.pk}").content.decode()
    ben.post(f"/runs/{run.pk}/answer", {"step": cell.pk, "what": "done", "text": "no"})
    cell.refresh_from_db()
    assert cell.state == "done"
    assert "no" in cell.outcome


def test_an_incident_offers_the_books_of_its_service(shelf: None, sign_in: SignIn) -> None:
    incident = Incident.objects.filter(service__key="payments").latest("pk")
    assert incident.known_error is not None
    ben, panel = sign_in("ben"), f"/i/{incident.pk}/runbooks"
    first, second = (f"/runbooks/{key}/run?incident={incident.pk}" for key in ("look-at-disk", "restart-payments"))
    page = ben.get(panel).content.decode()
    assert page.index(first) < page.index(second)
    incident.known_error.runbook = "restart-payments"
    incident.known_error.save()
    page = ben.get(panel).content.decode()
    assert page.index(second) < page.index(first)
    assert sign_in("vic").get(panel).status_code == 403


def test_the_panic_button_stops_all(shelf: None, sign_in: SignIn) -> None:
    ben = sign_in("ben")
    assert ben.post("/runs/stop-all")["Location"] == "/runs"
    assert not Run.objects.filter(state=Run.State.PERSON).exists()
    assert ben.post(f"/runs/{latest().pk}/nothing").status_code == 400


@pytest.mark.parametrize(
    ("path", "most"), [("/runbooks", 10), ("/runs", 14), ("/runbooks/restart-payments", 12), ("/remedies", 12)]
)
def test_queries_do_not_grow(shelf: None, sign_in: SignIn, path: str, most: int) -> None:
    client = sign_in("ana")
    few = count(client, path)
    for number in range(12):
        text = seed_runbooks.LOOK.replace("look-at-disk", f"look-{number}")
        client.post("/runbooks/new", {"text": text, "do": "save"})
        client.post(f"/runbooks/look-{number}/run", {"reason": "to look"})
        client.post("/runbooks/restart-payments/run", {"reason": "again"})
    assert count(client, path) == few
    assert few <= most


def test_a_failed_run_is_resumed_with_corrected_values_that_take_a_new_approval(shelf: None, sign_in: SignIn) -> None:
    run = Run.objects.get(state=Run.State.PERSON)
    ben, ana, path = sign_in("ben"), sign_in("ana"), f"/runs/{run.pk}"
    ben.post(f"{path}/answer", {"step": run.steps.get(step="look").pk, "what": "not done", "text": "no light"})
    seed_runbooks.work()
    page = ben.get(path).content.decode()
    assert "no light" in page
    assert 'name="input-workers" type="number" value="2"' in page
    wrong = ben.post(f"{path}/resume", {"input-workers": "many", "input-region": "south"})
    page = wrong.content.decode()
    assert wrong.status_code == 400
    assert "inputs.workers: " in page
    assert 'value="many"' in page
    assert "<option selected>south" in page
    ben.post(f"{path}/resume", {"input-workers": "3", "input-region": "north"})
    run.refresh_from_db()
    assert (run.state, run.inputs["workers"], run.approved_by) == (Run.State.DRAFT, "3", None)
    ben.post(f"{path}/request")
    page = ana.get(path).content.decode()
    ana.post(f"{path}/approve", {"hash": page.split('name="hash" value="')[1].split('"')[0]})
    ben.post(f"{path}/start")
    seed_runbooks.work()
    assert run.steps.get(step="look").state == "person"


def test_resuming_with_the_same_values_goes_on_at_once(shelf: None, sign_in: SignIn) -> None:
    run = Run.objects.filter(state=Run.State.FAILED, automatic="").get()
    assert "exit code 3" in sign_in("ben").get(f"/runs/{run.pk}").content.decode()
    assert sign_in("ben").post(f"/runs/{run.pk}/resume")["Location"] == f"/runs/{run.pk}"
    run.refresh_from_db()
    assert run.state == Run.State.WAITING


def test_a_remedy_that_did_not_help_is_looked_into_and_armed_again(shelf: None, sign_in: SignIn) -> None:
    ana, ben, path = sign_in("ana"), sign_in("ben"), "/remedies/rotate"
    page = ben.get("/remedies").content.decode()
    assert page.index("breaker open") < page.index("armed")
    assert "its run failed" in page
    assert "Close the breaker" not in ben.get(path).content.decode()
    assert ben.post(f"{path}/rearm", {"reason": "It is mended"}).status_code == 403
    refused = ana.post(f"{path}/rearm", {"reason": " "})
    assert refused.status_code == 400
    assert "reason: write what was found" in refused.content.decode()
    ana.post(f"{path}/rearm", {"reason": "The authority answers again"})
    assert "armed" in ana.get(path).content.decode()
    assert ana.post(f"{path}/rearm", {"reason": "twice"}).status_code == 409
    ana.post(f"{path}/disable")
    assert "switched off" in ana.get(path).content.decode()
    ana.post(f"{path}/enable")
    assert ana.post(f"{path}/nothing").status_code == 400
    assert ana.get("/remedies/nobody").status_code == 404


def test_an_incident_and_a_run_say_which_remedy_it_was(shelf: None, sign_in: SignIn) -> None:
    run = Run.objects.get(automatic="remedy rotate")
    ben = sign_in("ben")
    assert 'href="/remedies/rotate">remedy rotate</a>' in ben.get(f"/runs/{run.pk}").content.decode()
    panel = ben.get(f"/i/{run.incident_id}/runbooks").content.decode()
    assert f'ran by itself, as <a href="/runs/{run.pk}">' in panel
