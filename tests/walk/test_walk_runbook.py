"""A drill fills a disk: the book for it is approved on a phone and carried out, and the debrief tells how it went."""

import re

import pytest
from playwright.sync_api import Browser, expect

from tests.parts import until
from tests.walk.conftest import Running
from tests.walk.test_walk_correction import signed_in
from tests.walk.test_walk_faults import firing

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("walk")]
WANTED = ("Receipts disk is nearly full", "payments")


def test_a_runbook_ends_what_broke(browser: Browser, running: Running) -> None:
    # What earlier walks left open would take the alert, and the drill would have no incident of its own.
    running.resolve_all()
    desk = signed_in(browser, running, "ana@shop.example", 1280)
    desk.goto(f"{running.url}/drills")
    desk.get_by_role("button", name="Start Receipts that nobody gets").click()
    drill = desk.url
    until("the alert", lambda: WANTED in firing(running), 60)
    phone = signed_in(browser, running, "ben@shop.example", 360)
    firing_now = [row for row in running.listed("alerts") if row["state"] == "firing"]
    incident = next(row["incident"] for row in firing_now if row["name"] == WANTED[0])
    desk.goto(f"{running.url}/i/{incident.removeprefix('INC-')}")
    desk.get_by_role("link", name="Take heap dumps off the disk for receipts").first.click()
    desk.get_by_label("Why", exact=True).fill("No card can be charged")
    desk.get_by_role("button", name="Keep it and make the dry run").click()
    desk.get_by_role("button", name="Ask for approval").click()
    place = desk.url
    phone.goto(place)
    assert phone.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(phone.get_by_text("it was never done before").first).to_be_visible()
    phone.get_by_role("button", name="Approve").click()
    desk.goto(place)
    desk.get_by_role("button", name="Start it").click()
    # The page follows by itself: nobody loads it again.
    expect(desk.locator("#run")).to_contain_text(re.compile("heapdump|Done"), timeout=60_000)
    expect(desk.locator("#run [role=status]")).to_contain_text("Done", timeout=90_000)
    expect(desk.get_by_label("What was written")).to_contain_text("heapdump")
    until("the alert to end by itself", lambda: WANTED not in firing(running), 90)
    desk.goto(drill)
    desk.locator("select[name=service]").select_option("payments")
    desk.get_by_role("button", name="Name it").click()
    expect(desk.locator("p.said")).to_contain_text("That is it")
    # Found and restored: it ends by itself, and the page shows the debrief without being loaded again.
    expect(desk.locator("#board")).to_contain_text("The disk filled in one step", timeout=60_000)
    expect(desk.locator("#board")).to_contain_text("nobody was told what is hit", ignore_case=True)
    expect(desk.locator("#board")).to_contain_text(f"/i/{incident.removeprefix('INC-')}")
    for page in (desk, phone):
        page.context.close()


def test_a_book_that_only_looks_runs_as_a_check(running: Running) -> None:
    def said() -> str:
        return str(next(row["text"] for row in running.listed("checks") if row["key"] == "stock-well"))

    assert until("the check", lambda: said() == "See whether stock is well: 2 steps went through", 90)
