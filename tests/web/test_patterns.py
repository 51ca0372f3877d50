"""The pages of patterns and their API, over a real engine."""

import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from tests import engine
from tests.web import seed

from mainstay.catalog.models import KnownError
from mainstay.core import clock, tokens
from mainstay.core.access import LOCAL
from mainstay.core.models import AuditEntry
from mainstay.observe.logs import registry
from mainstay.observe.logs.models import Pattern
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident


@pytest.fixture(scope="module")
def engine_running() -> Iterator[None]:
    with engine.running():
        yield


@pytest.fixture
def patterns(engine_running: None, ana: Client) -> Client:
    """Somebody who has signed in, and the lines of fifty minutes with their patterns."""
    registry.forget()
    seed.talk(300)
    engine.settle()
    return ana


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def retrying() -> Pattern:
    return Pattern.objects.get(template__startswith="retrying charge attempt", merged_into=None)


def test_the_list_counts_sorts_and_filters(patterns: Client) -> None:
    text = text_of(patterns, "/logs/patterns")
    counts = [
        int(re.sub(r"\D", "", one)) for one in re.findall(r'class="num nowrap" data-label="lines">([^<]+)<', text)
    ]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] > 0
    assert '<mark class="slot">' in text
    assert 'class="first-time"' in text
    narrowed = text_of(patterns, "/logs/patterns?service=payments&text=retrying&sort=new&range=last+24h")
    assert narrowed.count("data-row=") == 1
    assert f"/logs/patterns/{retrying().pk}?range=last+24h" in narrowed
    assert "No pattern has lines" in text_of(patterns, "/logs/patterns?text=nosuchthing")
    assert "no range of time" in text_of(patterns, "/logs/patterns?range=soon")


def test_a_page_shows_counts_values_and_leads_to_the_lines(patterns: Client) -> None:
    pattern = retrying()
    text = text_of(patterns, f"/logs/patterns/{pattern.pk}")
    assert "lines of payments" in text
    assert "What varies" in text
    assert "all of its" in text
    assert f"/logs?query=pattern%3A{pattern.pk}&amp;range=last+1h" in text
    assert patterns.get("/logs/patterns/17").status_code == 404
    assert patterns.get("/logs/patterns/99999999999999999999999").status_code == 404


def test_a_younger_pattern_leads_to_the_elder_and_counts_are_added_up(patterns: Client) -> None:
    elder = retrying()
    younger = Pattern.objects.exclude(pk=elder.pk).filter(merged_into=None).order_by("pk").first()
    assert younger is not None
    apart = [_api(patterns, str(one.pk))["lines"] for one in (elder, younger)]
    younger.merged_into = elder
    younger.save()
    answer = patterns.get(f"/logs/patterns/{younger.pk}?range=last+2h")
    assert answer["location"] == f"/logs/patterns/{elder.pk}?range=last+2h&was={younger.pk}"
    assert _api(patterns, str(younger.pk))["lines"] == sum(apart)
    listed = {one["number"]: one["lines"] for one in _api(patterns, "")["patterns"]}
    assert listed[str(elder.pk)] == sum(apart)
    assert str(younger.pk) not in listed


def test_incidents_of_its_first_line_and_of_its_alert_are_shown(patterns: Client) -> None:
    pattern = retrying()
    incident = Incident.objects.order_by("pk").first()
    assert incident is not None
    Incident.objects.exclude(pk=incident.pk).delete()
    Incident.objects.filter(pk=incident.pk).update(started_at=clock.now() - timedelta(days=40), resolved_at=None)
    assert "None had begun" in text_of(patterns, f"/logs/patterns/{pattern.pk}")
    Alert.objects.create(
        fingerprint="f",
        name="New",
        source="rule",
        labels={"pattern": str(pattern.pk)},
        state="firing",
        incident=incident,
        starts_at=clock.now(),
        received_at=clock.now(),
    )
    assert "an alert told of it" in text_of(patterns, f"/logs/patterns/{pattern.pk}")


def test_what_is_known_is_linked_noted_and_audited(patterns: Client, sign_in: Callable[[str], Client]) -> None:
    pattern = retrying()
    viewer = sign_in("vic")
    known = KnownError.objects.order_by("key").first()
    assert known is not None
    KnownError.objects.filter(pk=known.pk).update(fixed_by="4.1.7")
    path = f"/logs/patterns/{pattern.pk}"
    assert viewer.post(f"{path}/known-error", {"known_error": known.key}).status_code == 403
    assert viewer.post(f"{path}/note", {"note": "x"}).status_code == 403
    patterns.post(f"{path}/known-error", {"known_error": known.key})
    patterns.post(f"{path}/note", {"note": "Harmless below <5> a minute."})
    text = text_of(patterns, path)
    assert "<strong>fixed by 4.1.7</strong>" in text
    assert "Harmless below &lt;5&gt; a minute." in text
    assert _api(patterns, str(pattern.pk))["fixed_by"] == "4.1.7"
    assert patterns.post(f"{path}/known-error", {"known_error": "KE-none"}).status_code == 400
    patterns.post(f"{path}/known-error", {"known_error": ""})
    assert not Pattern.objects.get(pk=pattern.pk).known_error
    actions = list(
        AuditEntry.objects.filter(action__startswith="pattern.").order_by("pk").values_list("action", flat=True)
    )
    assert actions == ["pattern.known_error", "pattern.note", "pattern.known_error"]


def test_the_log_screen_leads_to_the_pages(patterns: Client) -> None:
    pattern = retrying()
    facets = patterns.get("/logs/facets", headers={"hx-request": "true"}).content.decode()
    assert 'href="/logs/patterns/' in facets
    line = seed.found(r'class="at" href="([^"]+)"', text_of(patterns, "/logs?query=retrying")).replace("&amp;", "&")
    assert f'href="/logs/patterns/{pattern.pk}"' in patterns.get(line).content.decode()


def _api(client: Client, number: str) -> dict[str, Any]:
    secret = tokens.create_token(LOCAL, f"t{uuid4()}", "read")
    headers = {"authorization": f"Bearer {secret}", "host": "localhost"}
    answer = Client().get(f"/api/v1/logs/patterns{f'/{number}' if number else ''}", headers=headers)
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = json.loads(answer.content)
    return found


def test_the_api_gives_the_values_of_slots(patterns: Client) -> None:
    found = _api(patterns, str(retrying().pk))
    assert found["slots_of_lines"] == found["lines"] > 0
    attempts = next(one for one in found["slots"] if one["quantiles"])
    assert attempts["quantiles"]["p50"] <= attempts["quantiles"]["p99"]
    assert sum(one["lines"] for one in attempts["values"]) <= found["lines"]
    assert found["services"][0]["service"] == "payments"
