"""Every screen answers, to whom it should, and gives nothing away."""

import re
from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import get_resolver
from tests.web import seed

from mainstay.core.models import Person
from mainstay.faces.web import assets
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident, State

SCREENS = (
    "/",
    "/alerts",
    "/maintenance",
    "/configurations",
    "/configurations/gateway",
    "/configurations/lost",
    "/supportability",
    "/supportability/payments",
    "/supportability/stock",
    "/silences",
    "/subscribers",
    "/levels",
    "/services",
    "/services/payments",
    "/services/warehouse-synchronisation-adapter-for-legacy-mainframe",
    "/rules",
    "/rules/payment-error-ratio",
    "/on-call",
    "/logs",
    "/logs/sql",
    "/logs/formats",
    "/logs/formats/edit",
    "/logs/formats/edit?key=settlement-batch",
    "/logs/journey?key=1",
    "/deliveries",
    "/changes",
    "/calendar",
    "/calendar/entries/month-end",
    "/checks",
    "/checks/receipts-disk",
    "/known-errors",
    "/known-errors/KE-31",
    "/known-errors/KE-40",
    "/known-errors/edit",
    "/audit",
    "/audit/verify",
    "/health",
    "/intake-errors",
    "/matrix",
    "/me",
    "/go",
    "/go?q=pay",
)


def latest() -> int:
    return Incident.objects.latest("pk").pk


def test_every_screen_answers_with_its_own_title(ana: Client) -> None:
    titles = {}
    for path in (*SCREENS, f"/i/{latest()}", f"/alerts/{Alert.objects.latest('pk').pk}"):
        answer = ana.get(path)
        assert answer.status_code == 200, path
        text = answer.content.decode()
        titles[path] = seed.found("<title>(.*?)</title>", text)
        assert text.count("<h1") == 1, path
        assert 'id="main"' in text
    assert len(set(titles.values())) >= len(titles) - 1  # The palette's page has one title, whatever is looked for.


@pytest.mark.parametrize("part", ["chart", "logs", "log-changes", "changes", "spark"])
def test_a_panel_says_so_when_the_telemetry_store_is_away(ana: Client, part: str) -> None:
    path = f"/i/{latest()}/{part}"
    panel = ana.get(path, headers={"hx-request": "true"}).content.decode()
    assert "<html" not in panel
    assert "no chart" in panel if part == "spark" else "System health" in panel
    page = ana.get(path)
    assert page.status_code == 200
    assert "<html" in page.content.decode()


def test_the_log_screen_says_so_when_the_telemetry_store_is_away(ana: Client) -> None:
    assert "System health" in ana.get("/logs").content.decode()
    for part in ("histogram", "facets"):
        panel = ana.get(f"/logs/{part}", headers={"hx-request": "true"}).content.decode()
        assert "engine is not running" in panel
    assert ana.get("/logs/tail").status_code == 503


def test_nothing_is_shown_to_whom_is_not_signed_in(shop: None, client: Client) -> None:
    public = {"sign-in", "welcome", "a/<str:token>", "healthz", "calendar.ics"}
    for pattern in get_resolver("mainstay.faces.web.urls").url_patterns:
        route = str(pattern.pattern)
        if route in public:
            continue
        path = "/" + re.sub("<str:action>", "note", re.sub("<int:[a-z]+>", "1", re.sub("<str:key>", "x", route)))
        answer = client.get(path, headers={"host": "localhost"})
        assert answer.status_code == 302, path
        assert answer["Location"].startswith("/sign-in?next="), path


def test_a_panel_of_an_ended_session_sends_the_page_to_sign_in(shop: None, client: Client) -> None:
    answer = client.get("/", headers={"host": "localhost", "hx-request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/sign-in")


def test_a_viewer_reads_everything_and_changes_nothing(shop: None, sign_in: Callable[[str], Client]) -> None:
    vic, number = sign_in("vic"), latest()
    for path in SCREENS:
        assert vic.get(path).status_code == 200, path
    page = vic.get(f"/i/{number}").content.decode()
    assert "/acknowledge" not in page
    assert "/resolve" not in page
    answer = vic.post(f"/i/{number}/acknowledge")
    assert answer.status_code == 403
    assert "a responder" in answer.content.decode()
    assert Incident.objects.get(pk=number).state == State.OPEN
    assert vic.post("/matrix/save", {}).status_code in {400, 403}


def test_only_a_maintainer_edits_the_matrix(shop: None, sign_in: Callable[[str], Client]) -> None:
    cells = {f"{i}-{u}": "2" for i in ("high", "medium", "low") for u in ("high", "medium", "low")}
    assert sign_in("ben").post("/matrix/save", cells).status_code == 403
    assert sign_in("mei").post("/matrix/save", cells).status_code == 302
    assert sign_in("mei").post("/matrix/save", {**cells, "low-low": "7"}).status_code == 400


def test_an_incident_is_worked_through_by_its_forms(ana: Client) -> None:
    number = latest()
    assert ana.post(f"/i/{number}/acknowledge").status_code == 302
    assert "You have INC-" in ana.get(f"/i/{number}").content.decode()
    assert "You have INC-" not in ana.get(f"/i/{number}").content.decode()
    ana.post(f"/i/{number}/note", {"text": "Asked the provider."})
    ana.post(f"/i/{number}/priority", {"priority": "2", "reason": "only one country"})
    ana.post(f"/i/{number}/assign", {"person": Person.objects.get(email="ben@example.com").pk})
    wrong = ana.post(f"/i/{number}/resolve", {"cause": " "})
    assert wrong.status_code == 400
    assert "Write what the cause was" in wrong.content.decode()
    ana.post(f"/i/{number}/resolve", {"cause": "An old certificate.", "workaround_helped": "on"})
    page = ana.get(f"/i/{number}").content.decode()
    for told in ("Asked the provider.", "only one country", "Given to Ben Okafor", "An old certificate."):
        assert told in page
    assert ana.post(f"/i/{number}/snooze").status_code == 302
    assert "nothing to snooze" in ana.get("/").content.decode()
    report = ana.get(f"/i/{number}.md")
    assert report["Content-Type"].startswith("text/markdown")
    assert "An old certificate" in report.content.decode()


def test_what_was_written_survives_a_refusal(ana: Client) -> None:
    answer = ana.post(f"/i/{latest()}/priority", {"priority": "9", "reason": "a long and careful reason"})
    assert answer.status_code == 400
    assert 'value="a long and careful reason"' in answer.content.decode()


def test_taking_from_the_list_answers_with_the_list(ana: Client) -> None:
    answer = ana.post(f"/take/{latest()}", headers={"hx-request": "true"}).content.decode()
    assert "<html" not in answer
    assert "Three open, one not taken" in answer


def test_filters_stand_in_the_address(ana: Client) -> None:
    for query, there, gone in (
        ("priority=1", "Card payments", "Settlement job"),
        ("service=settlement", "Settlement job", "Card payments"),
        ("team=fulfilment", "Rotterdam", "Card payments"),
        ("state=acknowledged", "Settlement job", "Card payments"),
        ("mine=1", "Settlement job", "Rotterdam"),
    ):
        text = ana.get(f"/?{query}").content.decode()
        shown = text[text.index('id="triage"') :]
        assert there in shown, query
        assert gone not in shown, query
    assert "Nothing open fits" in ana.get("/?priority=4&state=open").content.decode()


def test_times_carry_the_offset_of_the_person_s_zone(ana: Client, sign_in: Callable[[str], Client]) -> None:
    path = f"/i/{latest()}"
    assert re.search(r"<time datetime=\"[^\"]+\+00:00\"[^>]*>[^<]*\+0[12]:00</time>", ana.get(path).content.decode())
    assert re.search(r"<time [^>]*>[^<]*\+05:45</time>", sign_in("mei").get(path).content.decode())


def test_text_from_outside_cannot_become_markup(ana: Client) -> None:
    seed.post(
        [
            seed.signal(
                seed.XSS,
                labels={"service": "wiki", 'x"><script>': seed.XSS},
                annotations={"summary": seed.XSS, "description": seed.XSS},
                link="javascript:alert(1)",
            )
        ]
    )
    ana.post(f"/i/{latest()}/note", {"text": seed.XSS})
    number = latest()
    alert = Alert.objects.latest("pk").pk
    for path in (
        "/",
        "/alerts",
        f"/alerts/{alert}",
        f"/i/{number}",
        "/deliveries",
        "/audit",
        "/go?q=<script>",
        "/services/wiki",
    ):
        text = ana.get(path).content.decode()
        assert "<script>" not in text, path
        assert "<img" not in text, path
        assert "javascript:" not in text, path


def test_nobody_is_sent_elsewhere_after_signing_in(shop: None, client: Client) -> None:
    seed.passwords()
    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", "https:evil"):
        answer = client.post(
            "/sign-in",
            {"email": "ana@example.com", "password": "correct horse battery", "next": wanted},
            headers={"host": "localhost"},
        )
        assert answer["Location"] == "/", wanted
        client.logout()
    answer = client.post(
        "/sign-in",
        {"email": "ana@example.com", "password": "correct horse battery", "next": "/i/1?x=2"},
        headers={"host": "localhost"},
    )
    assert answer["Location"] == "/i/1?x=2"


def test_wrong_passwords_are_answered_alike_and_limited(shop: None, client: Client) -> None:
    said = set()
    for email in ("ana@example.com", "nobody@example.com"):
        answer = client.post("/sign-in", {"email": email, "password": "wrong"}, headers={"host": "localhost"})
        assert answer.status_code == 400
        said.add(seed.found('role="alert"[^>]*>(.*?)</p>', answer.content.decode()))
    assert len(said) == 1
    for _ in range(10):
        answer = client.post(
            "/sign-in", {"email": "ana@example.com", "password": "wrong"}, headers={"host": "localhost"}
        )
    assert "Too many" in answer.content.decode()


def test_forms_need_their_protection_token(shop: None, sign_in: Callable[..., Client]) -> None:
    client = sign_in("ana", enforce_csrf_checks=True)
    answer = client.post(f"/i/{latest()}/acknowledge")
    assert answer.status_code == 403
    assert "Form too old" in answer.content.decode()
    assert Incident.objects.latest("pk").state == State.OPEN


def test_every_answer_carries_the_protecting_headers(ana: Client) -> None:
    for path in ("/", "/nowhere", f"/i/{latest()}", "/sign-in"):
        answer = ana.get(path)
        csp = answer["Content-Security-Policy"]
        assert "default-src 'none'" in csp
        assert "script-src 'self';" in csp
        assert "unsafe" not in csp
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer["Referrer-Policy"] == "same-origin"
        assert answer["Cache-Control"] == "no-store"
        text = answer.content.decode()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src)", text), path


def test_there_is_a_page_for_what_is_not_there(ana: Client) -> None:
    for path in ("/nowhere", "/i/999999", "/alerts/999999", "/services/none", "/rules/none", "/known-errors/none"):
        answer = ana.get(path)
        assert answer.status_code == 404, path
        assert "Back to triage" in answer.content.decode()
    assert ana.post(f"/i/{latest()}/explode").status_code == 404


def test_a_program_gets_problem_details_and_no_page(client: Client, db: None) -> None:
    answer = client.get("/api/v1/nowhere", headers={"host": "localhost"})
    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")
    assert answer.json()["title"] == "Nothing here"


def test_an_empty_installation_teaches(db: None) -> None:
    person = Person.objects.create(email="ana@example.com", name="Ana", role="admin")
    client = Client(headers={"host": "localhost"})
    client.force_login(person)
    for path in ("/", "/alerts", "/services", "/rules", "/on-call", "/deliveries", "/known-errors", "/checks"):
        text = client.get(path).content.decode()
        assert 'class="empty' in text, path
        assert "<code>" in text, path


def test_the_one_time_link_signs_in_and_offers_a_password(shop: None, client: Client) -> None:
    from mainstay.core import tokens

    link = tokens.create_sign_in_link(Person.objects.get(email="ben@example.com"), "http://localhost")
    assert client.get("/welcome", headers={"host": "localhost"}).status_code == 200
    answer = client.post("/welcome", {"secret": link}, headers={"host": "localhost"}, follow=True)
    assert "set a password now" in answer.content.decode()
    answer = client.post(
        "/me/password",
        {"password": "four quiet words here", "again": "four quiet words here"},
        headers={"host": "localhost"},
        follow=True,
    )
    assert "Your password is set" in answer.content.decode()
    again = Client(headers={"host": "localhost"}).post("/welcome", {"secret": link})
    assert again.status_code == 400
    assert "used before" in again.content.decode()


def test_a_password_is_changed_only_by_who_knows_the_old_one(ana: Client) -> None:
    seed.passwords()
    ana.force_login(Person.objects.get(email="ana@example.com"))
    new = {"password": "four quiet words here", "again": "four quiet words here"}
    assert ana.post("/me/password", {**new, "old": "guess"}).status_code == 400
    assert ana.post("/me/password", {**new, "old": "correct horse battery"}).status_code == 302
    assert ana.get("/").status_code == 200


def test_a_time_zone_is_kept_when_there_is_one(ana: Client) -> None:
    assert ana.post("/me/preferences", {"timezone": "Mars/Olympus"}).status_code == 400
    assert ana.post("/me/preferences", {"timezone": "Asia/Tokyo"}).status_code == 302
    assert "+09:00" in ana.get(f"/i/{latest()}").content.decode()
    assert ana.post("/sign-out").status_code == 302
    assert ana.get("/").status_code == 302


def test_without_a_build_the_screens_still_work_and_say_so(ana: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assets, "manifest", dict)
    text = ana.get("/").content.decode()
    assert "The screens were not built" in text
    assert "Card payments time out" in text
