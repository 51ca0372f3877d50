from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mainstay.core.ids import fingerprint
from mainstay.respond.alerts.domain import Action, Known, Signal, decide

T0 = datetime(2026, 1, 1, tzinfo=UTC)
minutes = st.integers(0, 30).map(lambda number: T0 + timedelta(minutes=number))
signals = st.builds(Signal, st.booleans(), minutes, st.none() | minutes)


@given(signals)
def test_the_first_firing_signal_opens_and_an_end_alone_is_ignored(signal: Signal) -> None:
    assert decide(None, signal).action is (Action.OPEN if signal.firing else Action.IGNORE)


@given(st.lists(signals, max_size=30))
def test_whatever_arrives_in_whatever_order_the_state_stays_sound(arrived: list[Signal]) -> None:
    known: Known | None = None
    for signal in arrived:
        decision = decide(known, signal)
        assert decision.reason
        if decision.action is Action.OPEN:
            assert known is None or not known.firing
            known = Known(True, signal.starts_at, None)
        elif decision.action is Action.RESOLVE:
            assert known is not None
            assert known.firing
            known = Known(False, known.starts_at, signal.ends_at or signal.starts_at)


@given(st.lists(signals, max_size=30), signals)
def test_saying_the_same_twice_changes_nothing(arrived: list[Signal], last: Signal) -> None:
    known: Known | None = None
    for signal in [*arrived, last, last]:
        action = decide(known, signal).action
        if action is Action.OPEN:
            known = Known(True, signal.starts_at, None)
        elif action is Action.RESOLVE and known:
            known = Known(False, known.starts_at, signal.ends_at or signal.starts_at)
    assert action in {Action.REFRESH, Action.IGNORE}


def test_an_alert_that_fell_silent_opens_again_with_its_old_start() -> None:
    silent = Known(False, T0, T0 + timedelta(minutes=5), fell_silent=True)
    said = Known(False, T0, T0 + timedelta(minutes=5))
    assert decide(silent, Signal(True, T0, None)).action is Action.OPEN
    assert decide(said, Signal(True, T0, None)).action is Action.IGNORE


texts = st.text(max_size=8)


@given(st.dictionaries(texts, texts, max_size=5))
def test_the_fingerprint_does_not_depend_on_the_order_of_labels(labels: dict[str, str]) -> None:
    assert fingerprint(labels) == fingerprint(dict(reversed(labels.items())))


@given(st.dictionaries(texts, texts, max_size=3), st.dictionaries(texts, texts, max_size=3))
def test_different_labels_have_different_fingerprints(one: dict[str, str], other: dict[str, str]) -> None:
    assert (fingerprint(one) == fingerprint(other)) is (one == other)
