"""Relabelling: Prometheus's steps that rewrite, keep or drop label sets.

Source: Prometheus documentation, "relabel_config". Steps are checked when they are configured, not while scraping.
"""

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

Labels = dict[str, str]
ACTIONS = (
    "replace",
    "keep",
    "drop",
    "keepequal",
    "dropequal",
    "hashmod",
    "labelmap",
    "labeldrop",
    "labelkeep",
    "lowercase",
    "uppercase",
)
_KEYS = {"source_labels", "separator", "target_label", "regex", "modulus", "replacement", "action"}
_REFERENCE = re.compile(r"\$(?:\{(\w+)\}|(\d+)|(\$))")


class RelabelError(ValueError):
    """A step cannot be used. The text names the field and the remedy."""


@dataclass(frozen=True)
class Step:
    """One step, checked, with its expression compiled."""

    action: str
    source_labels: tuple[str, ...]
    separator: str
    regex: re.Pattern[str]
    target_label: str
    replacement: str
    modulus: int


def compile_steps(raw: Sequence[Mapping[str, Any]]) -> tuple[Step, ...]:
    """Steps as files hold them. Raises ``RelabelError`` naming the place."""
    return tuple(_compile(step, f"[{place}]") for place, step in enumerate(raw))


def _compile(raw: Mapping[str, Any], where: str) -> Step:
    unknown = sorted(set(raw) - _KEYS)
    if unknown:
        raise RelabelError(f"{where}.{unknown[0]}: unknown field; known are {', '.join(sorted(_KEYS))}")
    action = str(raw.get("action", "replace")).lower()
    if action not in ACTIONS:
        raise RelabelError(f"{where}.action: {action!r} is not one of {', '.join(ACTIONS)}")
    try:
        regex = re.compile(str(raw.get("regex", "(.*)")), re.DOTALL)
    except re.error as error:
        raise RelabelError(f"{where}.regex: {error}") from error
    target = str(raw.get("target_label", ""))
    if action in {"replace", "hashmod", "lowercase", "uppercase", "keepequal", "dropequal"} and not target:
        raise RelabelError(f"{where}.target_label: this action needs it")
    modulus = int(raw.get("modulus", 0))
    if action == "hashmod" and modulus <= 0:
        raise RelabelError(f"{where}.modulus: this action needs one above 0")
    sources = tuple(str(name) for name in raw.get("source_labels", ()))
    return Step(
        action, sources, str(raw.get("separator", ";")), regex, target, str(raw.get("replacement", "$1")), modulus
    )


def apply(labels: Mapping[str, str], steps: Sequence[Step]) -> Labels | None:
    """The labels after all steps, without empty ones; nothing when a step drops them."""
    found = dict(labels)
    for step in steps:
        after = _ACTIONS[step.action](step, found)
        if after is None:
            return None
        found = after
    return {name: value for name, value in found.items() if value}


def _source(step: Step, labels: Labels) -> str:
    return step.separator.join(labels.get(name, "") for name in step.source_labels)


def _expand(template: str, match: re.Match[str]) -> str:
    def one(reference: re.Match[str]) -> str:
        name = reference.group(1) or reference.group(2)
        if name is None:
            return "$"
        try:
            return match.group(int(name) if name.isdigit() else name) or ""
        except IndexError:
            return ""

    return _REFERENCE.sub(one, template)


def _replace(step: Step, labels: Labels) -> Labels:
    match = step.regex.fullmatch(_source(step, labels))
    if not match:
        return labels
    return {**labels, _expand(step.target_label, match): _expand(step.replacement, match)}


def _filter(step: Step, labels: Labels, *, keep: bool) -> Labels | None:
    return labels if bool(step.regex.fullmatch(_source(step, labels))) is keep else None


def _equal(step: Step, labels: Labels, *, keep: bool) -> Labels | None:
    return labels if (_source(step, labels) == labels.get(step.target_label, "")) is keep else None


def _hashmod(step: Step, labels: Labels) -> Labels:
    digest = hashlib.md5(_source(step, labels).encode(), usedforsecurity=False).digest()
    return {**labels, step.target_label: str(int.from_bytes(digest[8:], "big") % step.modulus)}


def _labelmap(step: Step, labels: Labels) -> Labels:
    found = dict(labels)
    for name, value in labels.items():
        match = step.regex.fullmatch(name)
        if match:
            found[_expand(step.replacement, match)] = value
    return found


def _names(step: Step, labels: Labels, *, keep: bool) -> Labels:
    return {name: value for name, value in labels.items() if bool(step.regex.fullmatch(name)) is keep}


def _case(step: Step, labels: Labels, *, lower: bool) -> Labels:
    text = _source(step, labels)
    return {**labels, step.target_label: text.lower() if lower else text.upper()}


_ACTIONS: Mapping[str, Callable[[Step, Labels], Labels | None]] = {
    "replace": _replace,
    "keep": partial(_filter, keep=True),
    "drop": partial(_filter, keep=False),
    "keepequal": partial(_equal, keep=True),
    "dropequal": partial(_equal, keep=False),
    "hashmod": _hashmod,
    "labelmap": _labelmap,
    "labeldrop": partial(_names, keep=False),
    "labelkeep": partial(_names, keep=True),
    "lowercase": partial(_case, lower=True),
    "uppercase": partial(_case, lower=False),
}
