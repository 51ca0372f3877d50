"""Scoring, levels and skills: what costs points costs them once, and more help is never worth more."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mainstay.learn.drills import domain
from mainstay.learn.drills.domain import Answer, Practised, Scenario, Trail
from mainstay.learn.drills.entry import entry_of, scenario_of
from mainstay.learn.drills.scenarios import SHOP

pytestmark = pytest.mark.once
BEGAN = datetime(2026, 3, 1, 2, 0, tzinfo=UTC)
BY_KEY = {one.key: one for one in SHOP}


def at(seconds: float) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def trail(scenario: Scenario, *suspects: str, hints: int = 0, told: float | None = 60, **seconds: float) -> Trail:
    moments = {name: at(value) for name, value in seconds.items()}
    right = [one.accepted[0] for one in scenario.culprits]
    answers = tuple(Answer(at(100 + place), name) for place, name in enumerate([*suspects, *right]))
    told_at = None if told is None else at(told)
    taken, restored = moments.get("acknowledged"), moments.get("restored")
    return Trail(BEGAN, at(1000), acknowledged=taken, restored=restored, told=told_at, answers=answers, hints=hints)


def test_whoever_does_everything_in_time_loses_nothing() -> None:
    said = domain.debrief(BY_KEY["full-disk"], trail(BY_KEY["full-disk"], acknowledged=100, restored=300))
    assert (said.score, said.losses, said.passed) == (100, (), True)


def test_each_loss_has_its_sentence() -> None:
    scenario = BY_KEY["release-under-suspicion"]
    said = domain.debrief(
        scenario, trail(scenario, "stock", "stock", "orders", hints=1, told=None, acknowledged=300, restored=5000)
    )
    assert [(one.points, one.why) for one in said.losses] == [
        (6, "hint 1: Read what the release changed. Can that do what you see?"),
        (15, "orders was suspected and is not to blame"),
        (15, "stock was suspected and is not to blame"),
        (5, "it was acknowledged after 5 min, and 3 min are usual"),
        (10, "it was restored after 83 min, and 15 min are usual"),
        (10, "nobody was told what is hit: write a note that the business understands"),
    ]
    assert said.score == 100 - 61


def test_of_two_faults_both_must_be_named() -> None:
    scenario = BY_KEY["database-and-batch"]
    one = [Answer(at(50), "orders")]
    assert domain.found_at(scenario, one) is None
    assert domain.found_at(scenario, [*one, Answer(at(70), "orders")]) is None
    assert domain.found_at(scenario, [*one, Answer(at(90), "settlement")]) == at(90)


moments = st.one_of(st.none(), st.floats(0, 7200).map(at))
trails = st.builds(
    Trail,
    began=st.just(BEGAN),
    ended=st.just(at(7200)),
    acknowledged=moments,
    restored=moments,
    told=moments,
    answers=st.lists(
        st.builds(Answer, st.floats(0, 7200).map(at), st.sampled_from(["orders", "payments", "stock", "storefront"])),
        max_size=6,
    ).map(tuple),
    hints=st.integers(0, 3),
)


@given(st.sampled_from(SHOP), trails, st.integers(1, 3))
def test_help_and_wrong_suspects_never_raise_a_score(scenario: Scenario, found: Trail, more: int) -> None:
    score = domain.debrief(scenario, found).score
    assert 0 <= score <= 100
    helped = Trail(**{**found.__dict__, "hints": found.hints + more})
    assert domain.debrief(scenario, helped).score <= score
    accused = Trail(**{**found.__dict__, "answers": (*found.answers, Answer(at(7200), "nobody"))})
    assert domain.debrief(scenario, accused).score <= score


@given(st.sampled_from(SHOP), trails)
def test_points_and_sentences_add_up(scenario: Scenario, found: Trail) -> None:
    said = domain.debrief(scenario, found)
    assert said.score == max(100 - sum(one.points for one in said.losses), 0)
    assert all(one.points > 0 and one.why for one in said.losses)


def test_there_are_enough_scenarios_of_each_kind() -> None:
    assert len(SHOP) >= 15
    assert len(BY_KEY) == len(SHOP)
    assert sum(len(one.culprits) == 2 for one in SHOP) >= 3
    assert sum(one.decoy is not None for one in SHOP) >= 3
    assert {one.level for one in SHOP} == set(domain.LEVELS)
    assert {skill for one in SHOP for skill in one.skills} == set(domain.SKILLS)
    for one in SHOP:
        decoy = one.decoy
        assert decoy is None or one.culprit(decoy.service) is None or decoy.why_harmless
        # The story must not give the answer away.
        assert not any(one.culprits[0].what in text for text in (one.story, one.name))


@pytest.mark.parametrize("scenario", SHOP, ids=lambda one: one.key)
def test_a_scenario_survives_the_way_through_a_table(scenario: Scenario) -> None:
    assert scenario_of(entry_of(scenario)) == scenario


def test_a_level_takes_two_thirds_of_it_and_of_those_below() -> None:
    joiners = [one.key for one in SHOP if one.level == "joiner"]
    responders = [one.key for one in SHOP if one.level == "responder"]
    assert domain.level_of(SHOP, joiners[:1]) == ""
    assert domain.level_of(SHOP, joiners[:2]) == "joiner"
    assert domain.level_of(SHOP, responders) == ""
    assert domain.level_of(SHOP, [*joiners, *responders]) == "responder"
    following = domain.next_for(SHOP, joiners)
    assert following is not None
    assert following.level == "responder"
    assert domain.next_for(SHOP, BY_KEY) is None


def test_the_map_has_the_best_score_and_the_last_time_of_each_skill() -> None:
    rows = [
        Practised("Ana", "full-disk", at(0), 40),
        Practised("Ana", "memory-leak", at(60), 80),
        Practised("Ana", "gone", at(90), 100),
    ]
    found = domain.skill_map(BY_KEY, rows)["Ana"]
    assert (found["metrics"].best, found["metrics"].last, found["metrics"].scenarios) == (80, at(60), 2)
    assert (found["business"].best, "data" in found) == (40, False)
