"""What was confirmed is held against what had been said before, beside chance."""

import json

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from mainstay.core import clock, tokens
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.problems import ProblemError
from mainstay.faces.cli.main import app
from mainstay.learn.diagnosis import confirmed
from mainstay.learn.diagnosis.domain.score import Label, score
from mainstay.learn.diagnosis.models import Finding
from mainstay.respond.incidents.models import Incident

names = st.sampled_from(["a", "b", "c", "d", ""])
cases = st.lists(
    st.builds(Label, st.lists(names.filter(bool), unique=True).map(tuple), names, st.integers(0, 9)), max_size=12
)


@pytest.mark.once
@given(cases)
def test_shares_are_shares_and_the_first_three_hold_the_first(rows: list[Label]) -> None:
    found = score(rows)
    for share in (found.at_1, found.at_3, found.chance_1, found.chance_3, found.rightly):
        assert share is None or 0 <= share <= 1
    assert (found.at_1 or 0) <= (found.at_3 or 0)
    assert found.cases + sum(not one.service for one in rows) == len(rows)


@pytest.mark.once
def test_silence_is_right_only_where_nothing_was_to_blame() -> None:
    rows = [Label((), "", 4), Label((), "b", 4), Label(("b", "a"), "a", 4), Label(("a",), "a", 4), Label(("c",), "", 4)]
    found = score(rows)
    assert (found.cases, found.at_1, found.at_3) == (3, 1 / 3, 2 / 3)
    assert (found.chance_1, found.chance_3) == (0.25, 0.75)
    assert (found.silent, found.rightly, found.rightly_by_chance) == (2, 0.5, 2 / 5)


def incident() -> Incident:
    from mainstay.catalog.models import Service

    now = clock.now()
    service = Service.objects.get(key="front")
    about = {"impact": "high", "urgency": "high", "priority": 1, "opened_at": now, "started_at": now}
    return Incident.objects.create(title="Front fails", service=service, **about)


def said(about: Incident, *services: str, change: str = "") -> Finding:
    row = {"confidence": 0.5, "path": [], "reason": "", "evidence": [], "against": [], "refute": ""}
    what = {
        "services": [{"kind": "service", "name": one, **row} for one in services],
        "changes": [{"kind": "change", "name": change, **row}] if change else [],
        "reason": "",
        "changes_reason": "",
        "missing": [],
    }
    return Finding.objects.create(incident=about, at=clock.now(), said=what, digest="0", seconds=0.1)


@pytest.mark.usefixtures("company")
def test_what_is_said_in_hindsight_does_not_count() -> None:
    about = incident()
    said(about, "front", "pay")
    confirmed.confirm(LOCAL, about.pk, "pay")
    said(about, "pay")
    row = confirmed.confirm(LOCAL, about.pk, "pay", note="the trace")
    found, _ = confirmed.own_score(LOCAL)
    assert (found.cases, found.at_1, found.at_3, row.note) == (1, 0.0, 1.0, "the trace")
    # Front and pay, which it calls: two could have been named.
    assert (row.among, found.chance_1) == (2, 0.5)
    assert "The cause was pay" in about.timeline.latest("pk").text


@pytest.mark.usefixtures("company")
def test_what_is_not_there_is_refused_by_name() -> None:
    about = incident()
    said(about, "pay", change="7.3.1")
    with pytest.raises(ProblemError, match="no service 'moon'"):
        confirmed.confirm(LOCAL, about.pk, "moon")
    with pytest.raises(ProblemError, match="no change that the diagnosis knows"):
        confirmed.confirm(LOCAL, about.pk, "pay", "7.3.2")
    assert confirmed.confirm(LOCAL, about.pk, "", "7.3.1").service == ""
    with pytest.raises(AccessError):
        confirmed.confirm(Actor("a viewer", Right.READ), about.pk, "pay")


@pytest.mark.usefixtures("company")
def test_programs_and_the_command_line_have_the_same(client: Client) -> None:
    headers = {"Authorization": f"Bearer {tokens.create_token(LOCAL, 'test', 'write')}", "host": "localhost"}
    about = incident()
    said(about, "pay")
    kept = client.post(
        f"/api/v1/incidents/{about.pk}/cause", {"service": "pay"}, content_type="application/json", headers=headers
    )
    assert kept.json()["service"] == "pay"
    lacking = client.post(f"/api/v1/incidents/{about.pk}/cause", {}, content_type="application/json", headers=headers)
    assert lacking.json()["field"] == "service"
    assert client.get("/api/v1/diagnosis/score", headers=headers).json()["at_1"] == 1.0
    run = CliRunner().invoke
    assert run(app, ["confirm-cause", str(about), "--service", "front"]).exit_code == 0
    assert json.loads(run(app, ["diagnosis-score", "--json"]).output)["at_1"] == 0.0
