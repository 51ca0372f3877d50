"""A served installation of its own, and a browser to look at it."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

ROOT = Path(__file__).parents[2]
CHROMIUM = "/usr/bin/chromium"
AXE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PASSWORD = "correct horse battery"
# What is expected comes in moments; a machine that does other work must not fail a test for being slow.
expect.set_options(timeout=20_000)


def missing() -> str:
    """What a browser test needs and does not find here, empty when it has everything."""
    from mainstay.faces.web import assets

    for what, there in (
        ("Debian's chromium", Path(CHROMIUM).exists()),
        ("the built screens (npm ci && npm run build)", assets.is_built()),
        ("axe-core (npm ci)", AXE.exists()),
    ):
        if not there:
            return what
    return ""


def need() -> None:
    """Skip with one line, or fail where everything is required."""
    lacking = missing()
    if lacking and os.environ.get("MAINSTAY_TEST_REQUIRE") == "all":
        pytest.fail(f"{lacking} is missing")
    if lacking:
        pytest.skip(f"{lacking} is missing")


_data: dict[str, Path] = {}


def environment(base: str) -> dict[str, str]:
    """The environment of programs that work on the installation served there."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MAINSTAY_")}
    path = f"{ROOT / 'src'}:{ROOT}"
    return {**kept, "MAINSTAY_DATA": str(_data[base]), "PYTHONPATH": path, "MAINSTAY_DRILL_SHOP": "/srv/shop"}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(data: Path) -> Iterator[str]:
    """A seeded installation whose web process runs; gives its address."""
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    _data[base] = data
    env = environment(base)
    subprocess.run([sys.executable, str(ROOT / "tests/web/seed.py")], env=env, check=True, cwd=data.parent)
    # No worker: what was seeded stays as it is, while screens, streams and charts are the real ones.
    start = [sys.executable, "-m", "mainstay"]
    engine = subprocess.Popen([*start, "engine"], env=env, cwd=data.parent)
    web = subprocess.Popen([*start, "web", "--listen", f"127.0.0.1:{port}"], env=env, cwd=data.parent)
    try:
        _wait(base)
        yield base
    finally:
        engine.terminate()
        web.terminate()
        try:
            assert web.wait(timeout=8) in {0, -15}, "the web process does not end cleanly"
        finally:
            for process in (web, engine):
                process.kill()
                process.wait()
            shutil.rmtree(data, ignore_errors=True)


def _wait(base: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"{base}/healthz", timeout=2).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise AssertionError("the web process does not answer")


@contextmanager
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield found
        found.close()


def signed_in(context: BrowserContext, base: str, who: str = "ana") -> Page:
    """A page of somebody who has signed in through the form."""
    page = context.new_page()
    page.goto(f"{base}/sign-in")
    page.fill("#email", f"{who}@example.com")
    page.fill("#password", PASSWORD)
    page.click("main button")
    page.wait_for_url(f"{base}/")
    return page
