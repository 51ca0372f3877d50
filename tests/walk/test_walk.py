"""Break the shop, be paged, acknowledge on a phone, look, heal, resolve, export. Nothing of it is simulated."""

import os
import re
import time
import urllib.error
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]


def picture(page: Page, name: str, *, full: bool = True) -> None:
    """Keep a picture for the documentation, when a directory for them is named."""
    place = os.environ.get("MAINSTAY_TEST_PICTURES")
    if place:
        page.wait_for_timeout(400)
        page.screenshot(path=str(Path(place) / f"{name}.png"), full_page=full)


def clocks(running: Running, number: int) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = running.get(f"incidents/{number}")["clocks"]
    return found


def blamed(running: Running, number: int) -> str:
    """The service that the diagnosis names first, by itself; nothing while it has said nothing."""
    try:
        said = running.get(f"incidents/{number}/diagnosis")["services"]
    except urllib.error.HTTPError:
        return ""
    return next((str(one["name"]) for one in said), "")


def about(running: Running, text: str) -> EmailMessage | None:
    return next((mail for mail in running.mails() if text in str(mail["Subject"])), None)


def incident(running: Running, title: str) -> dict[str, Any]:
    return next((row for row in running.listed("incidents") if row["title"] == title), {})


@pytest.fixture(scope="module")
def desk(browser: Browser, running: Running) -> Iterator[BrowserContext]:
    """Ana's browser at her desk, signed in by the one-time link."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, timezone_id="Europe/Berlin")
    page = context.new_page()
    page.goto(running.link)
    page.wait_for_url(re.compile(r"/me|/$"))
    page.close()
    yield context
    context.close()


def allowance() -> float:
    """Seconds that a machine busy with other tests may take longer."""
    return 10.0 if os.environ.get("PYTEST_XDIST_WORKER") else 0.0


def narrow(desk: BrowserContext, running: Running, number: int) -> None:
    """The same screen on a phone and in the dark."""
    page = desk.new_page()
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"{running.url}/i/{number}")
    page.wait_for_timeout(1500)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    picture(page, "incident-360")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.emulate_media(color_scheme="dark")
    page.goto(running.url)
    page.wait_for_timeout(500)
    picture(page, "triage-dark-1280", full=False)
    page.close()


def test_the_walk(running: Running, browser: Browser, desk: BrowserContext) -> None:
    page = desk.new_page()
    page.goto(running.url)
    expect(page.get_by_role("heading", level=1)).to_contain_text("Nothing")

    # 1. Break it: within 20 seconds a rule on live metrics breaches and somebody is paged.
    began = time.monotonic()
    running.command("break", "payment-timeouts")
    mail = until("a page by mail", lambda: about(running, "Card payments time out"), 30)
    assert time.monotonic() - began < 20 + allowance()
    body = mail.get_content()
    for part in (
        "What: Card payments time out",
        "Where: Payments",
        "Since: ",
        "Impact: Checkout",
        "Known error: KE-31",
        "Why you: ",
    ):
        assert part in body
    found = incident(running, "Card payments time out")
    assert (found["service"], found["priority"], found["state"]) == ("payments", "P1", "open")

    # 2. It is on the open screen by itself, as an incident and as a web notification.
    expect(page.get_by_role("link", name="Card payments time out").first).to_be_visible(timeout=15_000)
    picture(page, "triage-1280", full=False)

    # 3. Acknowledge from the link in the page, on a phone, without JavaScript.
    phone = browser.new_context(viewport={"width": 360, "height": 740}, java_script_enabled=False)
    small = phone.new_page()
    link = re.search(r"Acknowledge: (\S+)", body)
    assert link
    small.goto(link.group(1))
    assert small.evaluate("document.documentElement.scrollWidth") <= 360
    picture(small, "ack-360")
    small.get_by_role("button", name="Acknowledge").click()
    expect(small.locator("body")).to_contain_text("cknowledged")
    phone.close()
    assert incident(running, "Card payments time out")["owner"] == "Ana Ruiz"

    # 4. The incident's screen has all that is known.
    page.goto(f"{running.url}/i/{found['id']}")
    body_of = page.locator("main")
    expect(body_of).to_contain_text("KE-31")
    expect(body_of).to_contain_text("alerts when")
    expect(body_of).to_contain_text("provider timeout after 2000 ms")
    expect(body_of).to_contain_text("Acknowledged by Ana Ruiz")
    expect(body_of).to_contain_text("changed", ignore_case=True)
    page.wait_for_timeout(1500)
    picture(page, "incident-1280")
    narrow(desk, running, found["id"])

    # 5. What is agreed with the business runs against the clock, and the cause is named without anybody's asking.
    assert clocks(running, found["id"])["restore"]["why"].startswith("P1 of Shop gold: restore within 1 h")
    until("its cause to be named", lambda: blamed(running, found["id"]) == "payments", 120)

    # 6. A case for the developers is built off the screen, looked at, and handed over.
    page.goto(f"{running.url}/i/{found['id']}")
    page.get_by_role("button", name="Build a case").click()
    case = page.locator("#case")
    expect(case).to_contain_text("Ready to go", timeout=60_000)
    expect(case).to_contain_text("Most likely to blame: payments")
    expect(case).to_contain_text("What would help most")
    page.get_by_label("Note").fill("The acquirer says that they see nothing.")
    page.get_by_role("button", name="Hand it over").click()
    expect(page.locator("#case")).to_contain_text("with Payments, handed over by Ana Ruiz")
    page.goto(f"{running.url}/i/{found['id']}")

    # 7. Heal it: the alert ends by itself, the incident is restored, and Ana resolves it with its cause.
    running.command("heal")
    until("the incident to be restored", lambda: incident(running, "Card payments time out")["state"] == "restored", 60)
    page.reload()
    page.locator("summary", has_text="Resolve").click()
    page.get_by_label(re.compile("What was the cause")).fill("The acquirer's primary endpoint stopped answering.")
    page.get_by_role("button", name=re.compile("^Resolve INC-")).click()
    until("the incident to be resolved", lambda: incident(running, "Card payments time out")["state"] == "resolved", 10)

    # 8. The whole story as Markdown.
    text = desk.request.get(f"{running.url}/i/{found['id']}.md").text()
    for part in (
        "# INC-",
        "Paging Ana Ruiz",
        "on call in payments-primary",
        "Acknowledged by Ana Ruiz",
        "Resolved by Ana Ruiz",
    ):
        assert part in text
    page.close()
