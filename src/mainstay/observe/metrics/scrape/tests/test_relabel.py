import pytest

from mainstay.observe.metrics.scrape import relabel

LABELS = {"job": "api", "__address__": "host-7:9100", "zone": "B", "tmp_a": "1"}


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (
            {"source_labels": ["__address__"], "regex": "([^:]+):.*", "target_label": "host"},
            {**LABELS, "host": "host-7"},
        ),
        ({"source_labels": ["job", "zone"], "target_label": "both"}, {**LABELS, "both": "api;B"}),
        ({"target_label": "team", "replacement": "money"}, {**LABELS, "team": "money"}),
        ({"source_labels": ["job"], "regex": "db", "action": "keep"}, None),
        ({"source_labels": ["job"], "regex": "a.*", "action": "drop"}, None),
        ({"regex": "tmp_.*", "action": "labeldrop"}, {k: v for k, v in LABELS.items() if k != "tmp_a"}),
        ({"regex": "tmp_(.*)", "replacement": "kept_$1", "action": "labelmap"}, {**LABELS, "kept_a": "1"}),
        ({"source_labels": ["zone"], "target_label": "zone", "action": "lowercase"}, {**LABELS, "zone": "b"}),
        (
            {"source_labels": ["nothing"], "regex": "(.*)", "target_label": "job"},
            {k: v for k, v in LABELS.items() if k != "job"},
        ),
        ({"source_labels": ["job"], "regex": "ap", "target_label": "job", "replacement": "x"}, LABELS),
        ({"source_labels": ["job"], "target_label": "job", "action": "keepequal"}, LABELS),
    ],
)
def test_steps_do_what_prometheus_does(step: dict[str, object], expected: dict[str, str] | None) -> None:
    assert relabel.apply(LABELS, relabel.compile_steps([step])) == expected


def test_hashmod_spreads_over_the_modulus() -> None:
    steps = relabel.compile_steps(
        [{"source_labels": ["x"], "target_label": "shard", "modulus": 4, "action": "hashmod"}]
    )
    shards = {(relabel.apply({"x": str(number)}, steps) or {})["shard"] for number in range(100)}
    assert shards == {"0", "1", "2", "3"}


@pytest.mark.parametrize(
    ("step", "said"),
    [
        ({"action": "replac"}, r"\[0\].action"),
        ({"regex": "("}, r"\[0\].regex"),
        ({"sourcelabels": []}, r"\[0\].sourcelabels"),
        ({"action": "hashmod", "target_label": "x"}, r"\[0\].modulus"),
        ({"action": "replace"}, r"\[0\].target_label"),
    ],
)
def test_a_bad_step_is_refused_when_it_is_configured(step: dict[str, object], said: str) -> None:
    with pytest.raises(relabel.RelabelError, match=said):
        relabel.compile_steps([step])
