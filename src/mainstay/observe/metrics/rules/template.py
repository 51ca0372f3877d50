"""The part of Go's templates that alert rules are written in.

``{{ $labels.name }}``, ``{{ $value }}``, the pipes ``humanize``, ``humanize1024``, ``humanizePercentage``,
``humanizeDuration``, ``toUpper``, ``toLower``, ``title``, and ``printf "%.2f" $value``. Anything else is an error when
the rule is loaded, so that nobody meets it at night. Source: Prometheus documentation, "Template reference".
"""

import math
import re
from collections.abc import Callable, Mapping

_ACTION = re.compile(r"\{\{-?\s*(.*?)\s*-?\}\}", re.DOTALL)
_PRINTF = re.compile(
    r'printf\s+"(?P<before>[^"%]*)%(?P<form>[-+ 0-9.]*[fgeds%v])(?P<after>[^"%]*)"(?:\s+(?P<arg>\S+))?\Z'
)
_LABEL = re.compile(r'\$labels\.(?P<plain>[A-Za-z_][A-Za-z0-9_]*)\Z|index\s+\$labels\s+"(?P<quoted>[^"]+)"\Z')


class TemplateError(ValueError):
    """A template uses something that is not known here. The text names it."""


def _number(value: object) -> float:
    return float(str(value))


def _general(value: float) -> str:
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    return "NaN" if math.isnan(value) else f"{value:.4g}"


def humanize(value: object) -> str:
    """A number with a metric prefix: 1234567 is 1.235M."""
    number = _number(value)
    if number == 0 or math.isnan(number) or math.isinf(number):
        return _general(number)
    prefixes = ["", "k", "M", "G", "T", "P", "E", "Z", "Y"]
    small = ["", "m", "u", "n", "p", "f", "a", "z", "y"]
    place = 0
    if abs(number) >= 1:
        while abs(number) >= 1000 and place < len(prefixes) - 1:
            number, place = number / 1000, place + 1
        return f"{_general(number)}{prefixes[place]}"
    while abs(number) < 1 and place < len(small) - 1:
        number, place = number * 1000, place + 1
    return f"{_general(number)}{small[place]}"


def humanize1024(value: object) -> str:
    """A number with a binary prefix: 2048 is 2ki."""
    number = _number(value)
    if abs(number) <= 1 or math.isnan(number) or math.isinf(number):
        return _general(number)
    place, prefixes = 0, ["", "ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"]
    while abs(number) >= 1024 and place < len(prefixes) - 1:
        number, place = number / 1024, place + 1
    return f"{_general(number)}{prefixes[place]}"


def humanize_percentage(value: object) -> str:
    """A ratio as a percentage: 0.123 is 12.3%."""
    return f"{_general(_number(value) * 100)}%"


def humanize_duration(value: object) -> str:
    """Seconds as days, hours, minutes and seconds: 3700 is 1h 1m 40s."""
    number = _number(value)
    if math.isnan(number) or math.isinf(number):
        return _general(number)
    if number == 0:
        return "0s"
    if abs(number) < 1:
        return humanize(number) + "s"
    sign, left = ("-" if number < 0 else ""), abs(number)
    whole = int(left)
    days, hours, minutes, seconds = whole // 86400, whole // 3600 % 24, whole // 60 % 60, whole % 60
    if days:
        return f"{sign}{days}d {hours}h {minutes}m {seconds}s"
    if hours:
        return f"{sign}{hours}h {minutes}m {seconds}s"
    if minutes:
        return f"{sign}{minutes}m {seconds}s"
    return f"{sign}{_general(left)}s"


_PIPES: Mapping[str, Callable[[object], str]] = {
    "humanize": humanize,
    "humanize1024": humanize1024,
    "humanizePercentage": humanize_percentage,
    "humanizeDuration": humanize_duration,
    "toUpper": lambda value: str(value).upper(),
    "toLower": lambda value: str(value).lower(),
    "title": lambda value: str(value).title(),
}


def render(text: str, labels: Mapping[str, str], value: float) -> str:
    """The text with its actions filled in. Raises ``TemplateError`` for an action that is not known."""
    return _ACTION.sub(lambda found: _action(found.group(1), labels, value), text)


def check(text: str) -> None:
    """Raise ``TemplateError`` when the text cannot be rendered."""
    rest = _ACTION.sub("", text)
    if "{{" in rest or "}}" in rest:
        raise TemplateError("a '{{' has no '}}', or the other way round")
    render(text, {}, 1.0)


def _action(action: str, labels: Mapping[str, str], value: float) -> str:
    first, *pipes = [part.strip() for part in action.split("|")]
    found: object = _value(first, labels, value, None)
    for pipe in pipes:
        found = _PIPES[pipe](found) if pipe in _PIPES else _value(pipe, labels, value, found)
    return _shown(found)


def _value(term: str, labels: Mapping[str, str], value: float, piped: object | None) -> object:
    if term in {"$value", ".Value"}:
        return value
    label = _LABEL.match(term.replace(".Labels.", "$labels.", 1) if term.startswith(".Labels.") else term)
    if label:
        return labels.get(label.group("plain") or label.group("quoted"), "")
    call, _, argument = term.partition(" ")
    if call in _PIPES and argument:
        return _PIPES[call](_value(argument.strip(), labels, value, None))
    printf = _PRINTF.match(term)
    if printf:
        given = printf.group("arg")
        subject = _value(given, labels, value, None) if given else piped
        return printf.group("before") + _formatted(printf.group("form"), subject) + printf.group("after")
    if len(term) >= 2 and term[0] == term[-1] == '"':
        return term[1:-1]
    raise TemplateError(f"'{{{{ {term} }}}}' is not known here; use $labels, $value, printf and the humanize functions")


def _formatted(form: str, subject: object) -> str:
    kind = form[-1]
    if kind in "sv":
        return f"%{form[:-1]}s" % _shown(subject)
    number = _number(subject)
    if not math.isfinite(number):
        return _general(number)
    return f"%{form}" % (int(number) if kind == "d" else number)


def _shown(value: object) -> str:
    if isinstance(value, float):
        if math.isinf(value) or math.isnan(value):
            return _general(value)
        return repr(int(value)) if value.is_integer() and abs(value) < 1e21 else repr(value)
    return str(value)
