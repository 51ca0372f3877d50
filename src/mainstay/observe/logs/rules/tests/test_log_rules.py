"""Rules over log lines with the real engine: each fires on what it is for, and not on a quiet night."""

import random
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from mainstay.config import read
from mainstay.config import services as config
from mainstay.core.access import LOCAL
from mainstay.observe.logs.models import Pattern
from mainstay.observe.logs.rules.tests.conftest import LONG_AGO, NOW, Put, Round, apply, asked
from mainstay.observe.metrics.models import Rule, RuleSeries

pytestmark = pytest.mark.django_db
MINUTE = 60
HOUR = 3600
DAY = 86_400


def test_a_rate_counts_the_lines_that_match_by_what_it_is_told(put: Put) -> None:
    put(range(1, 300, 10), zone="a")
    put(range(1, 300, 50), zone="b")
    put(range(1, 300, 1), "charge accepted", level="info", zone="b")
    found = asked(query='"charge declined"', rate="> 5 per 1m", window=300.0, by=["service", "zone"])
    assert [(one.labels, one.value) for one in found] == [({"service": "pay", "zone": "a"}, 6.0)]
    assert not asked(query='"charge declined"', rate="> 8 per 1m", window=300.0)


def test_a_breach_shows_its_lines(put: Put) -> None:
    Pattern.objects.create(pk=7, template="charge <*> declined", shape={}, first_seen=LONG_AGO)
    put(range(0, 60, 5), "charge 88 declined")
    (one,) = asked(query="level:error", rate="> 5 per 1m")
    assert one.notes["example"] == "charge 88 declined"
    assert one.notes["query"] == "level:error service:pay"
    wanted = parse_qs(urlsplit(one.link).query)
    assert wanted["query"] == ["level:error service:pay"]
    assert wanted["range"] == ["2026-03-11T09:59:30Z to 2026-03-11T10:00:30Z"]
    # What fires already is not looked up again in each round.
    (again,) = asked([{"service": "pay", "alertname": "x"}], query="level:error", rate="> 5 per 1m")
    assert "example" not in again.notes


def test_counts_of_minutes_and_lines_give_the_same(put: Put) -> None:
    put([random.Random(1).uniform(0, 2400) for _ in range(500)], service="a")
    put(range(0, 2400, 7), service="b", level="info")
    minutes = asked(query="level:*", rate="> 0 per 1m", window=1500.0)
    lines = asked(query="level:* charge", rate="> 0 per 1m", window=1500.0)
    assert {str(one.labels): one.value for one in minutes} == {str(one.labels): one.value for one in lines}


def test_a_rate_below_is_known_of_a_service_that_is_named(put: Put) -> None:
    put([4000])
    (one,) = asked(service="pay", rate="< 1 per 5m")
    assert (one.labels, one.value) == ({"service": "pay"}, 0.0)


def test_a_ratio_is_of_the_lines_that_it_names(put: Put) -> None:
    put(range(1, 200, 10), "charge failed")
    put(range(1, 200, 2), "charge accepted", level="info")
    put(range(1, 200, 1), "heartbeat", level="info")
    (one,) = asked(query="level:error", ratio="> 10%", of="charge")
    assert one.value == pytest.approx(20 / 120)
    assert not asked(query="level:error", ratio="> 10%")
    assert not asked(query="level:error", ratio="> 10%", of="charge", at_least=200)
    assert [one.labels for one in asked(query="level:error", ratio="> 10%", of="charge", service="pay")]


def seen(number: int, age: float, level: str = "error", service: str = "pay") -> None:
    Pattern.objects.create(
        pk=number,
        template=f"kind {number} <*>",
        example=f"kind {number} x",
        shape={},
        first_seen=NOW - timedelta(seconds=age),
        first_service=service,
        level=level,
    )


def test_a_new_pattern_is_told_of_once_and_not_while_everything_is_new(put: Put, play: Round) -> None:
    put(range(1, 60, 20), pattern=2)
    put(range(1, 60, 20), service="just-connected", pattern=4)
    seen(1, 2 * DAY)
    seen(2, 60)
    seen(3, 60, "info")
    seen(4, 60, service="just-connected")
    apply("log_rules: [{key: fresh, name: Fresh, new_pattern: true, window: 30m}]")
    (signal,) = play(NOW)
    assert signal["labels"] == {"pattern": "2", "service": "pay", "level": "error", "alertname": "Fresh"}
    assert signal["annotations"]["pattern"] == "kind 2 <*>"  # type: ignore[index]
    assert signal["annotations"]["example"] == "kind 2 x"  # type: ignore[index]
    assert play(NOW + timedelta(minutes=5)) == []
    (ended,) = play(NOW + timedelta(minutes=40))
    assert ended["state"] == "resolved"
    assert play(NOW + timedelta(hours=3)) == []


def test_silence_counts_where_lines_were_regular(put: Put, play: Round) -> None:
    put(range(700, 6 * HOUR, 60), "batch done", service="batch", level="info")
    put(range(0, 6 * HOUR, 60), "order taken", service="orders", level="info")
    put(range(700, 6 * HOUR, 3000), "now and then", service="rare", level="info")
    apply("log_rules: [{key: quiet, name: Quiet, absent: 10m}]")
    (signal,) = play(NOW)
    assert (signal["labels"], signal["state"]) == ({"service": "batch", "alertname": "Quiet"}, "firing")
    assert signal["annotations"]["example"] == "batch done"  # type: ignore[index]
    # However long it takes: it fires until a line comes, also when the lines before are too long ago to be seen.
    put(range(-30 * HOUR, 0, 120), "order taken", service="orders", level="info")
    assert play(NOW + timedelta(hours=30)) == []
    put([-30 * HOUR - 5], "batch done", service="batch", level="info")
    put(range(-31 * HOUR, -30 * HOUR, 120), "order taken", service="orders", level="info")
    assert [one["state"] for one in play(NOW + timedelta(hours=30, minutes=2))] == ["resolved"]


def test_who_was_away_does_not_call_others_silent(put: Put) -> None:
    from mainstay.observe.logs.rules.evaluate import breaches

    put(range(700, 6 * HOUR, 60))
    assert len(breaches({"absent": 600.0}, [], NOW, LONG_AGO)) == 1
    assert not breaches({"absent": 600.0}, [], NOW, NOW - timedelta(minutes=9))


def week(put: Put, seed: int, now_factor: float = 1.0) -> None:
    """Nine days of a service with a wave over the day and chance, a nightly job, and the last ten minutes."""
    chance = random.Random(seed)
    for service, hourly in (("shop", 60), ("nightly", 0)):
        ages: list[float] = []
        for hour in range(9 * 24):
            wave = 1 + 0.8 * ((hour % 24) - 12) / 12
            count = hourly * wave + (600 if service == "nightly" and hour % 24 == 0 else 0)
            # A busy hour and a calm one differ by more than chance gives.
            ages += [hour * HOUR + chance.uniform(0, HOUR) for _ in range(int(count * chance.uniform(0.8, 1.2)))]
        put([age for age in ages if age > 660], service=service, level="info")
    last = 10 * 0.2 * now_factor
    put([chance.uniform(31, 630) for _ in range(round(last))], service="shop", level="info")
    put([chance.uniform(31, 630) for _ in range(100)], service="nightly", level="info")


@pytest.mark.parametrize("seed", range(3))
def test_a_usual_week_is_not_unusual(put: Put, seed: int) -> None:
    week(put, seed)
    assert asked(unusual=4.0) == []


def test_a_burst_is_unusual(put: Put) -> None:
    week(put, 1, now_factor=60)
    (one,) = asked(unusual=4.0)
    assert one.labels == {"service": "shop"}
    assert one.value > 4
    assert "are usual" in one.notes["summary"]


def test_nothing_is_unusual_while_little_is_known(put: Put) -> None:
    put(range(31, 600, 2))
    assert asked(unusual=3.0) == []


def test_a_restart_keeps_what_fires_and_what_waits(put: Put, play: Round) -> None:
    put(range(0, 60, 5))
    apply('log_rules: [{key: many, name: Many, query: "level:error", rate: "> 5 per 1m", for: 1m}]')
    assert play(NOW) == []
    assert RuleSeries.objects.get().state == "pending"
    put(range(-60, 0, 5))
    (signal,) = play(NOW + timedelta(minutes=1))
    assert signal["state"] == "firing"
    assert signal["link"]
    put(range(-90, -60, 5))
    assert play(NOW + timedelta(seconds=90)) == []
    assert RuleSeries.objects.get().state == "firing"
    (ended,) = play(NOW + timedelta(hours=1))
    assert ended["state"] == "resolved"


def test_annotations_of_the_rule_go_before_ours(put: Put, play: Round) -> None:
    put(range(0, 60, 5))
    apply(
        "log_rules: [{key: many, rate: '> 5 per 1m', service: null, urgency: high, "
        "annotations: {summary: 'too many from {{ $labels.service }}'}}]"
    )
    (signal,) = play(NOW)
    assert signal["annotations"]["summary"] == "too many from pay"  # type: ignore[index]
    assert signal["annotations"]["query"] == "service:pay"  # type: ignore[index]


def test_an_entry_is_given_back_as_it_was_written(db: None) -> None:
    text = "log_rules: [{key: a, name: A, query: 'level:error', ratio: '> 5%', of: charge, window: 10m, by: [stream]}]"
    apply(text)
    assert (
        Rule.objects.get().expr == "lines that match level:error: > 5 % of those that match charge over 10m, by stream"
    )
    assert config.plan(read.read([("rules.yaml", text)])) == []
    assert config.plan(read.read([("rules.yaml", config.export(LOCAL))])) == []


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{}", "write one of rate"),
        ("{rate: '> 5 per 1m', absent: 5m}", "not rate and absent"),
        ("{rate: 'much'}", "rate: 'much' is no rate"),
        ("{ratio: '> 5'}", "ratio: '> 5' is no ratio"),
        ("{rate: '> 5 per 1m', query: '('}", "character"),
        ("{rate: '< 5 per 1m'}", "name a service, or use absent"),
        ("{unusual: 4, query: timeout}", "service, level and pattern alone"),
        ("{absent: 5s}", "absent: write a duration"),
        ("{rate: '> 5 per 1m', by: body}", "too many values"),
        ("{new_pattern: true, level: purple}", "no level is called"),
        ("{rate: '> 5 per 1m', of: x}", "only a ratio"),
    ],
)
def test_a_rule_that_cannot_be_used_is_refused_by_name(db: None, entry: str, said: str) -> None:
    more = f", {entry.strip('{}')}" if entry != "{}" else ""
    with pytest.raises(read.ConfigError, match="log_rules") as caught:
        apply(f"log_rules: [{{key: a{more}}}]")
    assert said in "; ".join(caught.value.problems)


def test_a_key_belongs_to_one_kind_of_rule(db: None) -> None:
    apply("rules: [{key: a, expr: up == 0}]")
    with pytest.raises(read.ConfigError, match="is taken by a rule in rules"):
        config.apply(LOCAL, read.read([("other.yaml", "log_rules: [{key: a, absent: 5m}]")]))
