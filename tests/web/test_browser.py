"""The screens in a real browser: accessible everywhere, quick by keyboard, alive, and of use without scripts."""

import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect
from tests.web import serve
from tests.web.screens import DOORS, OF_LAYOUT, SCREENS, problems, problems_by_light_and_dark

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("browser")]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    serve.need()
    with serve.serving(tmp_path_factory.mktemp("web") / "data") as address:
        yield address


@pytest.fixture(scope="module")
def chromium(base: str) -> Iterator[Browser]:
    with serve.browser() as found:
        yield found


@pytest.fixture
def context(chromium: Browser) -> Iterator[BrowserContext]:
    made = chromium.new_context(viewport={"width": 1280, "height": 860})
    yield made
    made.close()


SIDEWAYS = "document.documentElement.scrollWidth > innerWidth"
DESK, PHONE = ViewportSize(width=1280, height=800), ViewportSize(width=360, height=800)


def test_every_screen_is_accessible_and_fits(chromium: Browser, base: str) -> None:
    context = chromium.new_context(viewport=DESK)
    strange = context.new_page()
    wrong: dict[str, Any] = {}
    for path in DOORS:
        strange.goto(base + path)
        wrong[path] = _wrong(strange)
    page = serve.signed_in(context, base)
    said: list[str] = []
    page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    for path in SCREENS:
        page.goto(base + path)
        page.wait_for_load_state("load")
        expect(page.locator(".loading")).to_have_count(0)
        wrong[path] = _wrong(page)
        if path == "/i/5/chart" and not page.locator("canvas").count():
            wrong[path].append("no chart is drawn")
    context.close()
    assert {path: found for path, found in wrong.items() if found} == {}
    assert [line for line in said if "404" not in line] == []


def _wrong(page: Page) -> list[str]:
    """What is wrong with a screen at a desk, in light and dark, and what its layout makes wrong on a phone."""
    found = problems_by_light_and_dark(page)
    if page.evaluate(SIDEWAYS):
        found.append("scrolls sideways")
    fingers = page.context.new_cdp_session(page)
    fingers.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    page.set_viewport_size(PHONE)
    found += [f"on a phone: {one}" for one in problems(page, *OF_LAYOUT)]
    if page.evaluate(SIDEWAYS):
        found.append("scrolls sideways on a phone")
    page.set_viewport_size(DESK)
    fingers.detach()
    return found


def test_a_read_is_written_completed_and_run_by_keyboard(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.goto(f"{base}/sql?connection=shop")
    page.get_by_label("One statement that only reads").fill("SELECT id, card FROM ")
    page.keyboard.type("paym")
    expect(page.locator("#sql-words button").first).to_have_text("payments")
    page.keyboard.press("Enter")
    expect(page.locator("#sql")).to_have_value("SELECT id, card FROM payments")
    page.keyboard.press("Control+Enter")
    expect(page.locator("#answer")).to_contain_text("Rows 1 to 200")
    expect(page.locator("#answer")).to_contain_text("•••0001")
    assert problems(page) == []
    page.get_by_role("button", name="More rows").click()
    expect(page.locator("#answer")).to_contain_text("Rows 201 to 300")


def test_dialogs_are_accessible(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    assert problems(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("Control+k")
    expect(page.locator("#palette-list a").first).to_be_visible()
    assert problems(page) == []


def test_triage_by_keyboard(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base, "ben")
    expect(page).to_have_title(re.compile(r"^\(\d\) "))
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator("#row-3")).to_have_attribute("aria-current", "true")
    page.keyboard.press("k")
    expect(page.locator("#row-5")).to_have_attribute("aria-current", "true")
    page.keyboard.press("j")
    page.keyboard.press("1")
    expect(page.locator("#row-3")).to_contain_text("Ben Okafor")
    expect(page.locator("h1")).to_contain_text("one")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{base}/i/3")
    page.keyboard.press("n")
    page.keyboard.type("j is no command here")
    expect(page.locator("#note")).to_have_value("j is no command here")


def test_escape_closes_what_is_open(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.get_by_text("Filter", exact=True).click()
    expect(page.locator(".filter-fold form")).to_be_visible()
    assert problems(page) == []
    page.keyboard.press("Escape")
    expect(page.locator(".filter-fold form")).to_be_hidden()
    page.get_by_text("More", exact=True).click()
    expect(page.get_by_role("link", name="Delivery log")).to_be_visible()
    assert problems(page) == []
    page.get_by_text("More", exact=True).press("Escape")
    expect(page.get_by_role("link", name="Delivery log")).to_be_hidden()


def test_go_to_anything(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.keyboard.press("Control+k")
    page.keyboard.type("legacy main")
    expect(page.locator("#palette-list a").first).to_contain_text("legacy mainframe")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("/services/warehouse"))


def test_an_update_keeps_a_half_filled_form_and_the_focus(
    chromium: Browser, context: BrowserContext, base: str
) -> None:
    page = serve.signed_in(context, base)
    page.goto(f"{base}/i/4")
    expect(page.locator("#live")).to_contain_text("live")
    page.keyboard.press("r")
    page.locator("#cause").fill("The report held the lock, but wh")
    other = chromium.new_context()
    second = serve.signed_in(other, base, "ben")
    second.goto(f"{base}/i/4")
    second.get_by_text("Note…").click()
    second.locator("#note").fill("A second pair of eyes")
    second.get_by_role("button", name="Add the note").click()
    expect(page.locator("#facts")).to_contain_text("A second pair of eyes")
    expect(page.locator("#cause")).to_have_value("The report held the lock, but wh")
    expect(page.locator("#cause")).to_be_focused()
    other.close()


def test_a_release_goes_on_by_itself_and_keeps_a_half_filled_form(
    chromium: Browser, context: BrowserContext, base: str
) -> None:
    page = serve.signed_in(context, base)
    page.goto(f"{base}/releases/1")
    expect(page.locator("#live")).to_contain_text("live")
    reason = page.locator("[name=reason]")
    reason.fill("It cannot read the cata")
    other = chromium.new_context()
    second = serve.signed_in(other, base, "ben")
    second.goto(f"{base}/releases/1")
    second.get_by_role("button", name="Judge it now").click()
    expect(page.locator("#release")).to_contain_text("It is being judged")
    expect(page.get_by_role("button", name="Judge it now")).to_have_count(0)
    expect(reason).to_have_value("It cannot read the cata")
    expect(reason).to_be_focused()
    other.close()


def test_a_new_incident_appears_by_itself(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    expect(page.locator("#live")).to_contain_text("live")
    before = page.locator("[data-row]").count()
    second = context.new_page()
    second.goto(f"{base}/i/2")
    second.keyboard.press("r")
    second.locator("#cause").fill("A deployment")
    second.get_by_role("button", name="Resolve INC-2").click()
    expect(page.locator("[data-row]")).to_have_count(before - 1)
    second.close()


def test_a_page_is_shown_to_its_person_alone(chromium: Browser, context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    other = chromium.new_context()
    second = serve.signed_in(other, base, "ben")
    for one in (page, second):
        expect(one.locator("#live")).to_contain_text("live")
    run_in(base, PAGED)
    toast = page.locator(".toast")
    expect(toast).to_contain_text("P1 INC-5: Card payments time out <b>")
    expect(toast.locator("a")).to_have_attribute("href", "/i/5")
    assert problems(page) == []
    assert second.locator(".toast").count() == 0
    toast.get_by_role("button", name="Close").click()
    expect(toast).to_have_count(0)
    other.close()


def test_an_incident_is_worked_on_without_scripts(chromium: Browser, base: str) -> None:
    plain = chromium.new_context(viewport={"width": 1280, "height": 860}, java_script_enabled=False)
    page = serve.signed_in(plain, base)
    page.get_by_role("link", name="Settlement job is running late").click()
    page.get_by_text("Note…").click()
    page.locator("#note").fill("Written without a script")
    page.get_by_role("button", name="Add the note").click()
    expect(page.locator(".said")).to_contain_text("Your note is in the log")
    page.get_by_role("link", name="Show the chart").click()
    expect(page.locator("figcaption")).to_contain_text("alerts when < 200")
    page.get_by_text("As a table").click()
    expect(page.locator("figure table")).to_be_visible()
    plain.close()


def test_it_says_when_the_stream_is_cut_and_goes_on_after(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    expect(page.locator("#live")).to_contain_text("live")
    context.set_offline(True)
    page.evaluate("document.body.dispatchEvent(new Event('noop'))")
    # Chromium keeps an open stream when it goes offline; a page that is opened anew has none.
    context.route("**/events*", lambda route: route.abort())
    context.set_offline(False)
    page.reload()
    expect(page.locator("#live")).not_to_contain_text("live ·")
    context.unroute("**/events*")
    expect(page.locator("#live")).to_contain_text("live ·")


def test_acknowledge_on_a_phone_without_scripts(chromium: Browser, base: str) -> None:
    phone = chromium.new_context(
        viewport={"width": 360, "height": 740}, java_script_enabled=False, has_touch=True, is_mobile=True
    )
    page = phone.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(base + link_of(base))
    assert len([url for url in asked if not url.startswith("data:")]) == 1
    for button in page.get_by_role("button").all():
        box = button.bounding_box()
        assert box
        assert box["height"] >= 44
    assert page.get_by_role("button").count() == 3
    page.get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".told")).to_contain_text("You have it")
    expect(page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    phone.close()


def test_the_acknowledge_page_is_accessible(chromium: Browser, base: str) -> None:
    for scheme in ("light", "dark"):
        made = chromium.new_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
        page = made.new_page()
        for path in (link_of(base), "/a/nonsense"):
            page.goto(base + path)
            assert problems(page) == []
            assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
        made.close()


def test_a_one_time_link_signs_in_by_itself(context: BrowserContext, base: str) -> None:
    page = context.new_page()
    page.goto(run_in(base, ONE_TIME))
    page.wait_for_url(re.compile(r"/me\?welcome=1"))
    expect(page.locator("main")).to_contain_text("You are signed in")


def test_logs_by_keyboard(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.goto(f"{base}/logs")
    chosen = page.locator('.ll[aria-current="true"]')
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(page.locator(".ll").nth(1)).to_have_attribute("aria-current", "true")
    page.keyboard.press("e")
    expect(chosen).to_have_attribute("data-level", re.compile("error|fatal"))
    page.keyboard.press("Enter")
    expect(chosen.locator(".log-line")).to_contain_text("filter out")
    assert problems(page) == []
    page.keyboard.press("w")
    expect(page.locator("#log-list.wraps")).to_be_visible()
    expect(page).to_have_url(re.compile("wrap=1"))
    page.keyboard.press("/")
    page.keyboard.type("level:warning j")
    expect(page.locator("#log-query")).to_have_value("level:warning j")
    page.locator("#log-query").fill("level:warning")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"\?query=level%3Awarning"))
    expect(page.locator(".ll.l-info")).to_have_count(0)
    page.keyboard.press("j")
    page.keyboard.press("o")
    expect(page.locator(".ll.is-here")).to_have_attribute("data-level", "warning")
    page.go_back()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_contain_text("next and previous error")


def test_logs_scroll_through_everything_with_a_bounded_page(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    run_in(base, MANY_LINES)
    page.goto(f"{base}/logs?query=bulk&range=last+6h")
    expect(page.locator(".bars")).to_be_visible()
    seen: set[str] = set()
    for _ in range(60):
        seen |= set(page.locator(".ll").evaluate_all("rows => rows.map(row => row.dataset.row)"))
        assert page.locator(".ll").count() <= 1000
        if page.locator(".log-end").count():
            break
        page.evaluate("scrollTo(0, document.body.scrollHeight)")
        page.wait_for_function(
            "count => document.querySelectorAll('.ll').length && !document.body.innerText.includes('Fetching…')", arg=0
        )
    assert len(seen) == 1500
    page.evaluate("scrollTo(0, 0)")
    expect(page.locator(".ll").first).not_to_contain_text("bulk line 1499")
    for _ in range(20):
        if not page.locator("[data-more=newer]").count():
            break
        page.evaluate("scrollTo(0, 0)")
        page.wait_for_function("() => !document.body.innerText.includes('Fetching…')")
    expect(page.locator(".ll").first).to_contain_text("bulk line 1499")
    page.keyboard.press("G")
    expect(page.locator('.ll[aria-current="true"]')).to_contain_text("bulk line 0 ")


def test_new_lines_come_by_themselves_until_paused(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.goto(f"{base}/logs")
    page.keyboard.press("l")
    expect(page.locator("[data-live-tail]")).to_have_attribute("aria-pressed", "true")
    run_in(base, ONE_LINE)
    expect(page.locator(".ll").first).to_contain_text("a line that has just come")
    page.keyboard.press("l")
    expect(page.locator("[data-live-tail]")).to_have_attribute("aria-pressed", "false")


def test_a_range_is_dragged_in_the_histogram(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.goto(f"{base}/logs")
    box = page.locator(".bars").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + 30)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 30, steps=5)
    page.mouse.up()
    expect(page).to_have_url(re.compile(r"range=20\d\d-"))
    expect(page.locator("#log-range")).to_have_value(re.compile(r"T.* to .*T"))


@pytest.mark.parametrize("width", [1280, 360])
def test_a_pattern_is_accessible_and_found_by_keyboard(chromium: Browser, base: str, width: int) -> None:
    context = chromium.new_context(viewport={"width": width, "height": 800})
    page = serve.signed_in(context, base)
    page.goto(f"{base}/logs/patterns?text=retrying")
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/logs/patterns/\d+"))
    assert problems_by_light_and_dark(page) == []
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    expect(page.locator(".service-bars rect").first).to_be_attached()
    page.get_by_role("link", name="Read its lines").click()
    expect(page.locator(".ll").first).to_contain_text("retrying charge attempt")
    context.close()


def test_logs_are_read_without_scripts(chromium: Browser, base: str) -> None:
    plain = chromium.new_context(viewport={"width": 1280, "height": 860}, java_script_enabled=False)
    page = serve.signed_in(plain, base)
    page.get_by_role("link", name="Logs", exact=True).click()
    page.locator("#log-query").fill("level:>=warning")
    page.get_by_role("button", name="Search", exact=True).click()
    page.get_by_role("link", name="Show lines over time").click()
    page.get_by_text("As a table").click()
    expect(page.locator(".bars-table table")).to_be_visible()
    page.go_back()
    page.locator(".ll .at").first.click()
    expect(page.locator("main")).to_contain_text("filter out")
    plain.close()


MANY_LINES = """
from mainstay.core import clock
from mainstay.observe.logs import services
from mainstay.observe.logs.lines import Lines, Origin
now = clock.now_ms() * 1000
bodies = [f"bulk line {place} " + "with words" * (place % 7) for place in range(1500)]
times = [now - 5 * 3_600_000_000 + place * 1_000_000 for place in range(1500)]
services.accept(Lines([Origin("bulk", "bulk", "test")], [0] * 1500, bodies, times, ["info"] * 1500))
import time
from mainstay.observe.telemetry import client
deadline = time.monotonic() + 20
while client.rows("SELECT count() FROM log_lines WHERE service = 'bulk'") != [(1500,)]:
    assert time.monotonic() < deadline
    time.sleep(0.1)
"""
ONE_LINE = """
from mainstay.observe.logs import services
from mainstay.observe.logs.lines import Lines, Origin
services.accept(Lines([Origin("storefront", "live", "test")], [0], ["a line that has just come"], (), ["info"]))
"""
LINK = """
from mainstay.respond.paging.message import sign
from mainstay.respond.paging.models import Page
print("/a/" + sign(Page.objects.filter(incident=5).first()))
"""
PAGED = """
from mainstay.core import feed, people
ana = people.find("ana@example.com")
feed.tell("page", "INC-5", person_id=ana.pk, key="k", subject="P1 INC-5: Card payments time out <b>", link="")
"""
ONE_TIME = """
from mainstay.core import people, tokens
print(tokens.create_sign_in_link(people.find("vic@example.com"), BASE))
"""


def link_of(base: str) -> str:
    """The address in the mail about the open P1."""
    return run_in(base, LINK)


def run_in(base: str, statement: str) -> str:
    """Run a line of Python in the served installation and give back what it prints."""
    env = serve.environment(base)
    code = f"import django\ndjango.setup()\nBASE = {base!r}\n{statement}"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_a_log_format_is_seen_on_real_lines_as_it_is_written(context: BrowserContext, base: str) -> None:
    page = serve.signed_in(context, base)
    page.goto(f"{base}/logs/formats/edit?service=payments")
    pattern, tried = page.get_by_label("Pattern", exact=True), page.locator("#tried")
    pattern.fill("%{WORD:verb} (?=x)")
    expect(tried).to_contain_text("character 14: lookahead is not supported")
    pattern.fill("%{WORD:verb} %{WORD:what} after %{INT:ms:int}")
    expect(tried).to_contain_text(re.compile(r"\d+ of 50 lines fit"))
    expect(tried.locator(".piece").first).to_contain_text("verb")
    assert problems(page) == []
    page.get_by_label("Further lines to try it on").fill("closed nothing after 12 ms")
    expect(tried.locator("li").first.locator(".piece-2")).to_have_text("ms12")
    page.get_by_label("Key", exact=True).fill("by-hand")
    page.get_by_role("button", name="Keep it").click()
    page.wait_for_url(f"{base}/logs/formats")
    expect(page.get_by_role("link", name="by-hand")).to_be_visible()
