"""Releases on their screens: started, rolled out, refused, rolled back, and reported."""

from collections.abc import Callable

import pytest
import yaml
from django.test import Client
from tests.web import seed_releases

from mainstay.change.releases.models import Release
from mainstay.change.releases.plans import draft
from mainstay.change.releases.plans.model import ReleasePlan
from mainstay.core import access
from mainstay.core.access import LOCAL
from mainstay.core.models import Person
from mainstay.faces.api import releases
from mainstay.restore.runbooks import books

pytestmark = pytest.mark.usefixtures("shop")


def text_of(client: Client, path: str) -> str:
    return client.get(path).content.decode()


def test_a_release_is_made_by_hand(sign_in: Callable[[str], Client]) -> None:
    ben = sign_in("ben")
    assert "No release is known yet" in text_of(ben, "/releases")
    refused = ben.post("/releases", {"service": "storefront", "version": " "})
    assert refused.status_code == 400
    assert "write the version" in refused.content.decode().lower()
    answer = ben.post("/releases", {"service": "storefront", "version": "4.2.0", "previous": "4.1.9"})
    release = Release.objects.get()
    assert answer["Location"] == f"/releases/{release.pk}"
    assert "It is rolled out everywhere" in text_of(ben, f"/releases/{release.pk}")
    assert ben.post(f"/releases/{release.pk}/verify").status_code == 409
    assert ben.post(f"/releases/{release.pk}/finish").status_code == 302
    assert "Being watched" in text_of(ben, f"/releases/{release.pk}")
    assert ben.post(f"/releases/{release.pk}/verify").status_code == 302
    panel = ben.get(f"/releases/{release.pk}", headers={"HX-Request": "true"}).content.decode()
    assert "It is being judged" in panel
    assert "Judge it now" not in panel
    assert "It was rolled back" in panel
    assert "<html" not in panel
    said = ben.post(f"/releases/{release.pk}/roll-back", {"reason": " "})
    assert said.status_code in {400, 409}
    assert ben.post(f"/releases/{release.pk}/roll-back", {"reason": "Too slow."}).status_code == 302
    page = text_of(ben, f"/releases/{release.pk}")
    assert "Rolled back, said Ben" in page
    assert "Judge it now" not in page
    assert ben.post(f"/releases/{release.pk}/fly").status_code == 404


def test_a_viewer_sees_it_without_buttons_and_takes_the_report(sign_in: Callable[[str], Client]) -> None:
    number = int(releases.started(LOCAL, {"service": "storefront", "version": "1"})["release"].removeprefix("REL-"))
    vic = sign_in("vic")
    page = text_of(vic, f"/releases/{number}")
    assert "Break it off" not in page
    assert "Start one by hand" not in text_of(vic, "/releases")
    assert vic.post(f"/releases/{number}/finish").status_code == 403
    assert "storefront" in text_of(vic, f"/releases/{number}.md")
    page = text_of(vic, f"/releases/{number}.html")
    assert page.startswith("<!doctype html>")
    assert "<script" not in page
    assert vic.get(f"/releases/{number}.pdf").content.startswith(b"%PDF")


def test_plans_are_shown_tried_and_drafted(sign_in: Callable[[str], Client]) -> None:
    ben, vic = sign_in("ben"), sign_in("vic")
    assert "No service has a plan" in text_of(vic, "/releases/plans")
    assert "Draft a plan" not in text_of(vic, "/releases/plans")
    assert "Draft a plan" in text_of(ben, "/releases/plans")
    seed_releases.plan()
    page = text_of(vic, "/releases/plans/shop")
    assert "It is what customers come for." in page
    assert "Try it now" not in page
    assert vic.post("/releases/plans/shop/try").status_code == 403
    assert vic.get("/releases/draft-plan/storefront").status_code == 403
    tried = ben.post("/releases/plans/shop/try").content.decode()
    assert "secret &#x27;shop&#x27; is not known" in tried
    assert "What it says now" in tried
    assert ben.get("/releases/plans/none").status_code == ben.get("/releases/draft-plan/none").status_code == 404
    number = int(releases.started(LOCAL, {"service": "storefront", "version": "1"})["release"].removeprefix("REL-"))
    assert "no <a" not in text_of(ben, f"/releases/{number}")


def test_a_draft_says_why_and_can_be_applied(sign_in: Callable[[str], Client]) -> None:
    text = draft.draft(LOCAL, "storefront")
    (entry,) = yaml.safe_load(text)["release_plans"]
    plan = ReleasePlan.model_validate(entry)
    assert all(step.why for step in plan.steps)
    assert "Looked at anyway" in text
    assert "Try it now" not in text_of(sign_in("ben"), "/releases/draft-plan/storefront")


def test_a_release_is_rolled_out_by_a_runbook_from_the_form(sign_in: Callable[[str], Client]) -> None:
    ana, ben = sign_in("ana"), sign_in("ben")
    asks = "title: Roll it out\nservices: [storefront]\napproval: none\ninputs: [{name: version}, {name: wave}]"
    author = access.of_person(Person.objects.get(email="ana@example.com"))
    books.save(author, f"---\nkey: out\n{asks}\n---\n\n```shell id=say\necho out\n```\n")
    assert "Roll it out" in text_of(ben, "/releases")
    fields = {"service": "storefront", "version": "4.2.0", "runbook": "out"}
    assert ben.post("/releases", {**fields, "inputs": "wave"}).status_code == 400
    assert "Give a value" in ben.post("/releases", fields).content.decode()
    answer = ben.post("/releases", {**fields, "inputs": "wave = 2\n"})
    assert answer.status_code == 302
    assert "Rolled out by" in text_of(ana, answer["Location"])
