"""The first draft of a plan: made of what is known, each step with its reason, active nowhere, and of use as it is."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from mainstay.catalog.models import Service
from mainstay.change.releases.models import ReleasePlan
from mainstay.change.releases.plans import draft
from mainstay.change.releases.plans import services as plans
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import access, clock, tokens
from tests import engine
from tests.change.shop import apply, plan, served
from tests.change.test_plans import gauge

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company")]


@pytest.fixture(scope="module")
def store() -> Iterator[None]:
    with engine.running():
        yield


def known(tmp_path: Path, base: str) -> None:
    """Something of every kind that a draft is made of."""
    with sqlite3.connect(tmp_path / "shop.db") as database:
        database.execute("CREATE TABLE orders (id int, created_at text)")
        database.execute("INSERT INTO orders VALUES (1, '2999-01-01T00:00:00Z')")
    apply(
        connections=[
            {"key": "orders", "dialect": "sqlite", "address": str(tmp_path / "shop.db"), "services": ["pay"]},
        ],
        rules=[
            {"key": "slow", "name": "Slow", "expr": "request_seconds > 0.5", "for": "5m", "service": "pay"},
            {"key": "at-once", "name": "At once", "expr": "request_seconds > 5", "service": "pay"},
        ],
        targets=[{"key": "pay", "url": f"{base}/metrics", "service": "pay"}],
    )
    Service.objects.filter(key="pay").update(links={"Till": f"{base}/till", "Desk": "https://desk.example/pay"})
    gauge("queue_depth", 7, clock.now())
    gauge("settlement_last_success_timestamp_seconds", 7, clock.now())


@pytest.mark.usefixtures("store")
def test_a_draft_is_made_of_what_is_known_and_can_be_applied(tmp_path: Path) -> None:
    engine.settle()
    engine.empty()
    with served() as base:
        known(tmp_path, base)
        text = draft.draft(access.LOCAL, "pay")
        (entry,) = yaml.safe_load(text)["release_plans"]
        steps = {step["key"]: step for step in entry["steps"]}
        assert set(steps) == {
            *("till-answers", "desk-answers", "certificate-of-desk-example", "pay-serves-its-metrics", "slow"),
            *("queue-depth", "settlement-last-success-timestamp-seconds", "new-rows-in-orders-of-orders"),
        }
        assert all(step["why"] for step in steps.values())
        assert steps["slow"]["metric"] == {"expr": "request_seconds", "want": "<= 0.5"}
        assert steps["queue-depth"]["metric"]["want"] == "<= 14"
        assert not ReleasePlan.objects.exists()
        config.apply(access.LOCAL, read.read([("draft.yaml", text)]))
        said = {one.step: str(one.verdict) for one in plans.try_out(access.LOCAL, "pay")}
    assert said["till-answers"] == said["new-rows-in-orders-of-orders"] == said["queue-depth"] == "passed"
    assert said["settlement-last-success-timestamp-seconds"] == "inconclusive"
    assert "has the plan pay already" in draft.draft(access.LOCAL, "pay")
    assert "pay-is-reachable" in draft.draft(access.LOCAL, "front")


def test_of_nothing_known_comes_an_example_and_of_no_store_what_the_catalog_says() -> None:
    text = draft.draft(access.LOCAL, "lonely")
    assert yaml.safe_load(text) is None
    example = "\n".join(line.removeprefix("# ") for line in text.partition("like this:\n#\n")[2].splitlines())
    assert read.read([("example.yaml", example)]).entries["release_plans"]
    with pytest.raises(access.AccessError):
        draft.draft(access.Actor("Vi", access.Right.READ), "pay")


def test_api(client: Any) -> None:
    head = {"Authorization": f"Bearer {tokens.create_token(access.LOCAL, 'ci', 'write')}"}
    with served() as base:
        plan({"http": {"requests": [{"url": base}]}})
        assert client.get("/api/v1/releases/plans", headers=head).json()["plans"][0]["service"] == "pay"
        shown = client.get("/api/v1/releases/plans/pay", headers=head).json()
        assert shown["steps"] == [{"key": "s0", "http": {"requests": [{"url": base}]}}]
        tried = client.post("/api/v1/releases/plans/pay/try", {}, content_type="application/json", headers=head).json()
    assert [one["verdict"] for one in tried["evidence"]] == ["passed"]
    assert "release_plans" in client.get("/api/v1/releases/draft-plan/lonely", headers=head).json()["draft"]
    assert client.get("/api/v1/releases/draft-plan/none", headers=head).status_code == 404
    viewer = {"Authorization": f"Bearer {tokens.create_token(access.LOCAL, 'look', 'read')}"}
    assert client.get("/api/v1/releases/draft-plan/pay", headers=viewer).status_code == 403


@pytest.mark.once
def test_commands(tmp_path: Path) -> None:
    def ask(*words: str, code: int = 0) -> str:
        env = {"PATH": "/usr/bin:/bin", "MAINSTAY_DATA": str(tmp_path / "data")}
        done = subprocess.run(
            [sys.executable, "-m", "mainstay", *words], check=False, env=env, capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    ask("init", "--admin", "ana@x.example", "--name", "Ana")
    step = {"key": "local", "port": {"host": "10.0.0.1", "port": 1}}
    document = {"services": [{"key": "pay"}], "release_plans": [{"key": "p", "service": "pay", "steps": [step]}]}
    (tmp_path / "plans.yaml").write_text(yaml.safe_dump(document))
    ask("apply", str(tmp_path / "plans.yaml"))
    assert json.loads(ask("release", "plans", "--json"))[0]["key"] == "p"
    assert yaml.safe_load(ask("release", "plan", "p"))["steps"] == [step]
    assert "outgoing_private" in ask("release", "try-plan", "p", code=6)
    assert "has the plan p already" in ask("release", "draft-plan", "pay")
