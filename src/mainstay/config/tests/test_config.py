import pytest
import yaml

from mainstay.catalog.models import Service
from mainstay.config import read, services
from mainstay.config.schema import json_schema
from mainstay.core.access import LOCAL, AccessError, Actor, Right
from mainstay.core.models import Person
from mainstay.observe.metrics.models import Rule

pytestmark = pytest.mark.django_db
VIEWER = Actor("Vic", Right.READ)


def apply(text: str, name: str = "a.yaml", *, dry_run: bool = False) -> list[str]:
    return [str(change) for change in services.apply(LOCAL, read.read([(name, text)]), dry_run=dry_run)]


def problems(text: str) -> list[str]:
    with pytest.raises(read.ConfigError) as caught:
        apply(text)
    return caught.value.problems


def test_applying_twice_changes_nothing_and_the_export_applies_to_nothing(company: None) -> None:
    from conftest import COMPANY

    assert apply(COMPANY, "company.yaml") == []
    exported = services.export(LOCAL)
    assert services.plan(read.read([("company.yaml", exported)])) == []
    assert yaml.safe_load(exported)["services"][0] == {
        "key": "front",
        "name": "Front",
        "tier": 1,
        "depends_on": ["pay"],
    }


def test_a_dry_run_shows_the_difference_and_changes_nothing() -> None:
    assert apply("services: [{key: a, name: A}]", dry_run=True) == ["+ services a"]
    assert not Service.objects.exists()


def test_what_leaves_its_file_is_removed_and_what_came_from_elsewhere_stays() -> None:
    apply("services: [{key: a}, {key: b}]", "one.yaml")
    apply("services: [{key: c}]", "two.yaml")
    assert apply("services: [{key: a, tier: 1}]", "one.yaml") == ["~ services a  (tier: 3 -> 1)", "- services b"]
    assert set(Service.objects.values_list("key", flat=True)) == {"a", "c"}


def test_a_person_who_leaves_is_switched_off_and_not_forgotten() -> None:
    apply("people: [{email: a@x.example, name: A}]")
    assert apply("people: []") == ["- people a@x.example"]
    assert not Person.objects.get(email="a@x.example").is_active


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("services:\n  - key: a\n    teir: 1", "a.yaml:3: services[0].teir: unknown key, did you mean 'tier'?"),
        ("servces: []", "a.yaml:1: servces: unknown key, did you mean 'services'?"),
        (
            "services:\n  - key: a\n\n  - key: b\n    tier: 9",
            "a.yaml:5: services[1].tier: Input should be less than or equal to 4",
        ),
        ("services:\n  - key: a\n  - key: a", "a.yaml:3: services: 'a' stands twice, also in a.yaml"),
        ("services: [", "a.yaml:1: not YAML: expected the node content, but found '<stream end>'"),
        ("rules:\n  - {key: a, expr: up, for: soon}", "a.yaml:2: rules[0].for: 'soon' is not a duration"),
        ("rules:\n  - {key: a, expr: up, annotations: {s: '{{ query }}'}}", "a.yaml:2: rules[0].annotations: text.s:"),
        ("targets:\n  - {key: a, url: 'file:///x'}", "a.yaml:2: targets[0].url: String should match"),
    ],
)
def test_what_is_wrong_is_said_with_file_line_and_the_nearest_name(text: str, said: str) -> None:
    assert problems(text)[0].startswith(said)


def test_names_of_things_that_do_not_exist_are_refused_and_nothing_is_changed() -> None:
    found = problems("services: [{key: a, team: nobody}]\nrules: [{key: r, expr: 'rate(x)'}]")
    assert found[0] == "a.yaml: services a: team: there is no team 'nobody'"
    assert found[1].startswith("a.yaml: rules r: expr: ")
    assert not Service.objects.exists()


def test_a_rule_file_of_prometheus_is_taken_as_it_is() -> None:
    text = """
groups:
  - name: g
    rules:
      - {alert: Down, expr: up == 0, for: 1m, labels: {severity: critical}}
      - {alert: Down, expr: up == 2}
"""
    assert apply(text, "prom.yml") == ["+ rules Down", "+ rules Down-2"]
    rule = Rule.objects.get(key="Down")
    assert (rule.for_seconds, rule.labels, rule.source) == (60, {"severity": "critical"}, "prom.yml")


def test_only_maintainers_apply() -> None:
    with pytest.raises(AccessError):
        services.apply(VIEWER, read.read([("a.yaml", "services: []")]))


def test_a_secret_address_is_given_by_its_variable_and_never_exported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANA_HOOK", "https://hooks.x.example/SECRET")
    apply("people: [{email: a@x.example, name: A, contact: [{channel: webhook, address_env: ANA_HOOK}]}]")
    assert Person.objects.get().contact_methods.get().address == "https://hooks.x.example/SECRET"
    assert "SECRET" not in services.export(LOCAL)
    assert apply("people: [{email: a@x.example, name: A, contact: [{channel: webhook, address_env: ANA_HOOK}]}]") == []


def test_the_published_schema_is_a_schema() -> None:
    schema = json_schema()
    assert schema["properties"]["services"]
    assert schema["additionalProperties"] is False


def test_partly_applied_the_good_entries_stand_and_nothing_is_removed_for_the_bad_ones() -> None:
    apply("rules: [{key: old, expr: up}]")
    text = """
rules:
  - {key: good, expr: up == 0}
  - {key: bad, expr: 'rate(up'}
  - {key: worse, expr: up, fro: 5m}
typo: []
"""
    wanted = read.read([("a.yaml", text)], partial=True)
    changes = services.apply(LOCAL, wanted, keep_going=True)
    assert set(Rule.objects.values_list("key", flat=True)) == {"old", "good"}
    assert [str(change) for change in changes] == ["+ rules good"]
    assert [problem.partition(": ")[0] for problem in wanted.problems] == ["a.yaml:5", "a.yaml:6", "a.yaml"]
