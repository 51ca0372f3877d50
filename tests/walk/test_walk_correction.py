"""A bug has written wrong rows: they are corrected at the desk, approved on a phone, and the alert ends by itself."""

import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.parts import until
from tests.walk.conftest import Running

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]
SQL = (
    "UPDATE payments SET amount_cents = requested_cents "
    "WHERE outcome = 'captured' AND amount_cents <> requested_cents"
)  # fmt: skip
RULE = "Orders and payments disagree"


def signed_in(browser: Browser, running: Running, who: str, width: int) -> Page:
    page = browser.new_context(viewport={"width": width, "height": 800}).new_page()
    page.goto(running.command("link", who).strip())
    page.wait_for_url(re.compile(r"/me|/$"))
    return page


def fires(running: Running) -> bool:
    return any(row["name"] == RULE and row["state"] == "firing" for row in running.listed("alerts"))


def test_wrong_rows_are_corrected_with_proof(browser: Browser, running: Running) -> None:
    running.command("break", "wrong-rows")
    until("the alert", lambda: fires(running), 60)
    running.command("heal", "wrong-rows")
    desk = signed_in(browser, running, "ana@shop.example", 1280)
    phone = signed_in(browser, running, "ben@shop.example", 360)
    desk.goto(f"{running.url}/corrections/new?connection=payments")
    desk.get_by_label("What is corrected").fill("Amounts without their cents")
    desk.get_by_label("Why", exact=True).fill("The acquirer left the cents out")
    desk.get_by_label("Statements").fill(SQL)
    desk.get_by_role("button", name="Keep and preview").click()
    said = desk.get_by_role("alert").inner_text()
    expect(desk.get_by_role("alert")).to_contain_text("the preview matched")
    matched = re.search(r"matched ([\d,]+)", said)
    assert matched is not None
    place = desk.url
    desk.get_by_role("link", name="Edit").click()
    desk.get_by_label("Rows that you expect").fill(matched.group(1))
    desk.get_by_role("button", name="Keep and preview").click()
    desk.get_by_role("button", name="Ask for approval").click()
    phone.goto(place)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    phone.get_by_role("button", name=re.compile("^Approve")).click()
    expect(phone.get_by_role("heading", level=1)).to_contain_text("Amounts without their cents")
    desk.goto(place)
    desk.get_by_role("button", name="Carry it out").click()
    expect(desk.locator("#correction")).to_contain_text("changed,")
    until("the alert to end by itself", lambda: not fires(running), 90)
    for page in (desk, phone):
        page.context.close()
