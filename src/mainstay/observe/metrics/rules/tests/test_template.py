import pytest

from mainstay.observe.metrics.rules import template


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("{{ $value }}", 3.0, "3"),
        ("{{ $value }}", 0.25, "0.25"),
        ("{{$labels.job}} on {{ $labels.instance }}", 1.0, "api on a:1"),
        ('{{ index $labels "job" }}', 1.0, "api"),
        ("{{ .Value }} {{ .Labels.job }}", 2.0, "2 api"),
        ("{{ $value | humanizePercentage }}", 0.1234, "12.34%"),
        ("{{ humanizeDuration $value }}", 3700.0, "1h 1m 40s"),
        ("{{ $value | humanizeDuration }}", 0.25, "250ms"),
        ("{{ $value | humanize }}", 1234567.0, "1.235M"),
        ("{{ $value | humanize1024 }}B", 2048.0, "2kiB"),
        ('{{ printf "%.2f" $value }}', 1.005, "1.00"),
        ('{{ $value | printf "%.0f ms" }}', 12.3, "12 ms"),
        ("{{ $labels.nothing }}|", 1.0, "|"),
        ("{{ $labels.job | toUpper }}", 1.0, "API"),
        ("no action, {single} braces", 1.0, "no action, {single} braces"),
        ("{{ $value }}", float("inf"), "+Inf"),
    ],
)
def test_templates_read_as_in_prometheus(text: str, value: float, expected: str) -> None:
    template.check(text)
    assert template.render(text, {"job": "api", "instance": "a:1"}, value) == expected


@pytest.mark.parametrize(
    "text", ["{{ query `up` }}", "{{ range $x }}", "{{ $value", "{{ if eq 1 2 }}", "{{ $value | evil }}", "}}"]
)
def test_what_is_not_known_is_an_error_when_it_is_loaded(text: str) -> None:
    with pytest.raises(template.TemplateError):
        template.check(text)


def test_a_label_cannot_smuggle_in_an_action() -> None:
    assert template.render("{{ $labels.x }}", {"x": "{{ $value }}"}, 5.0) == "{{ $value }}"
