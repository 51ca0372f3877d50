"""Reviews over the real tables; the telemetry store answers, or is away."""

from datetime import timedelta
from typing import Any

import pytest

from mainstay.change.supportability import services
from mainstay.change.supportability.models import Review
from mainstay.core import access, clock
from mainstay.core.access import LOCAL, AccessError
from mainstay.core.models import Person
from mainstay.core.problems import ProblemError
from mainstay.observe.telemetry import services as telemetry
from mainstay.observe.telemetry.services import TelemetryError

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A store with metrics and lines of a day."""

    def rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
        assert params["key"] == "pay"
        if "FROM series" in sql:
            return [("http_requests_total",), ("http_duration_seconds",)]
        return [(120,)] if "log_minutes" in sql else [(200, 200, 150, 3)]

    monkeypatch.setattr(telemetry, "rows", rows)


@pytest.fixture
def away(monkeypatch: pytest.MonkeyPatch) -> None:
    def rows(sql: str, params: dict[str, Any]) -> list[tuple[Any, ...]]:
        raise TelemetryError("it does not answer")

    monkeypatch.setattr(telemetry, "rows", rows)


def states(row: Review) -> dict[str, str]:
    return {one["point"]: one["state"] for one in row.findings}


@pytest.mark.usefixtures("answers")
def test_a_review_is_filled_from_what_is_seen() -> None:
    found = states(services.review(LOCAL, "pay"))
    assert found == {
        "owner": "partly",
        "on-call": "partly",
        "health": "missing",
        "metrics": "partly",
        "alerts": "missing",
        "runbooks": "met",
        "levels": "met",
        "correlation": "met",
        "noise": "partly",
        "secrets": "missing",
        "dependencies": "partly",
        "links": "missing",
        "configuration": "missing",
        "restore": "missing",
        "rollback": "missing",
        "capacity": "missing",
    }


@pytest.mark.usefixtures("away")
def test_it_is_made_without_the_store_and_says_what_it_could_not_see() -> None:
    row = services.review(LOCAL, "pay")
    assert [point for point, state in states(row).items() if state == "unknown"] == [
        *("metrics", "levels", "correlation", "noise", "secrets")
    ]


@pytest.mark.usefixtures("away")
def test_what_is_confirmed_counts_and_is_told() -> None:
    before = services.review(LOCAL, "pay").score
    services.confirm(LOCAL, "pay", "restore", "Restored, OPS-712")
    after = services.review(LOCAL, "pay")
    assert after.score > before
    service, _ = services.of_service(LOCAL, "pay")
    text = services.markdown(service, after, services.trend(LOCAL, service)[:-1])
    assert f"Before: {before} (" in text
    assert "OPS-712" in text
    assert text.index("missing") < text.index(": met")
    for point, said in (("moon", "x"), ("restore", " ")):
        with pytest.raises(ProblemError):
            services.confirm(LOCAL, "pay", point, said)


@pytest.mark.usefixtures("away")
def test_it_is_repeated_each_month_once_somebody_began() -> None:
    assert services.review_due() == 0
    services.review(LOCAL, "pay")
    assert services.review_due() == 0
    with clock.moved(timedelta(days=31)):
        assert services.review_due() == 1
        assert services.review_due() == 0
    assert [one.made_by for one in Review.objects.order_by("pk")] == ["command line", "Mainstay"]


@pytest.mark.usefixtures("away")
def test_services_stand_by_their_last_score_and_unreviewed_ones_last() -> None:
    services.review(LOCAL, "pay")
    services.review(LOCAL, "lonely")
    rows = services.standing(LOCAL)
    assert [row[0].key for row in rows][-1] == "front"
    assert rows[0][1] <= rows[1][1]  # type: ignore[operator]


def test_a_viewer_reviews_nothing() -> None:
    with pytest.raises(AccessError):
        services.review(access.of_person(Person.objects.get(name="Vic")), "pay")
