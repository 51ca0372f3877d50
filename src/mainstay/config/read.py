"""Read configuration files and say exactly what is wrong where: file, line, field, and the nearest valid name."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from mainstay.config import schema
from mainstay.core.placed import line_of, sentence
from mainstay.observe.metrics.rules.files import rules_of


class ConfigError(ValueError):
    """Files cannot be applied. ``problems`` are all of them, one sentence each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


@dataclass
class Wanted:
    """What the files ask for: per section the entries by identity, and for each the file that it stands in."""

    entries: dict[str, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {name: {} for name in schema.SECTIONS}
    )
    files: dict[tuple[str, str], str] = field(default_factory=dict)
    sources: set[str] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def read(texts: Sequence[tuple[str, str]], *, partial: bool = False) -> Wanted:
    """Check files given as (name, text) and put them together.

    Raises ``ConfigError`` with every problem found. With ``partial`` the bad entries are left out instead and the
    problems are kept beside the good ones; nothing is removed then on behalf of a file that has any.
    """
    wanted = Wanted()
    problems = wanted.problems
    for name, text in texts:
        found = len(problems)
        try:
            root = yaml.compose(text, Loader=yaml.SafeLoader)
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problems.append(f"{name}:{mark.line + 1 if mark else 1}: not YAML: {getattr(error, 'problem', error)}")
            continue
        if data is None:
            wanted.sources.add(name)
            continue
        if isinstance(data, dict) and set(data) == {"groups"}:
            data = _from_prometheus(name, data, problems)
        problems += _check(name, root, data, wanted, partial=partial)
        if len(problems) == found:
            wanted.sources.add(name)
    if problems and not partial:
        raise ConfigError(problems)
    return wanted


def read_files(paths: Sequence[Path], *, partial: bool = False) -> Wanted:
    """Read files from disk."""
    texts = []
    for path in paths:
        try:
            texts.append((_source(path), path.read_text(encoding="utf-8")))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError([f"{path}: {getattr(error, 'strerror', None) or error}"]) from error
    return read(texts, partial=partial)


def _source(path: Path) -> str:
    """The name that entries of a file are known by: its path from here, or the whole path if it lies elsewhere."""
    whole = Path(os.path.normpath(path.absolute()))
    return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)


def _from_prometheus(name: str, data: Any, problems: list[str]) -> dict[str, Any]:
    """A rule file of Prometheus as a document of ours. The rule's key is its name; a repeated one gets a number."""
    good, errors = rules_of(data)
    problems += [f"{name}: {error}" for error in errors]
    rules, seen = [], dict[str, int]()
    for rule in good:
        key = re.sub(r"[^A-Za-z0-9._-]+", "-", rule.name).strip("-._")[:70] or "rule"
        count = seen[key] = seen.get(key, 0) + 1
        rules.append(
            {
                "key": key if count == 1 else f"{key}-{count}",
                "name": rule.name,
                "group": rule.group,
                "expr": rule.expr,
                "for": rule.for_seconds,
                "keep_firing_for": rule.keep_firing_for_seconds,
                "interval": rule.interval_seconds,
                "labels": dict(rule.labels),
                "annotations": dict(rule.annotations),
            }
        )
    return {"rules": rules}


def _check(name: str, root: yaml.Node | None, data: Any, wanted: Wanted, *, partial: bool) -> list[str]:
    problems: list[str] = []
    try:
        document = schema.Document.model_validate(data)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        problems += [sentence(name, root, one, schema.Document) for one in errors]
        document = _without_bad(data, errors) if partial and isinstance(data, dict) else schema.Document()
    dumped = document.model_dump(by_alias=True, mode="json")
    for section in schema.SECTIONS:
        for place, entry in enumerate(dumped[section]):
            ident = schema.identity(section, entry)
            line = line_of(root, (section, place))
            if ident in wanted.entries[section]:
                other = wanted.files[section, ident]
                problems.append(f"{name}:{line}: {section}: {ident!r} stands twice, also in {other}")
                continue
            if "name" in entry:
                entry["name"] = entry["name"] or ident
            wanted.entries[section][ident] = entry
            wanted.files[section, ident] = name
    return problems


def _without_bad(data: dict[str, Any], errors: Sequence[Any]) -> schema.Document:
    """The document without the entries and sections that the errors name."""
    bad = {error["loc"][:2] for error in errors}
    sections = {place[0] for place in bad if len(place) == 1 or not isinstance(place[1], int)}
    rest = {
        section: [entry for place, entry in enumerate(entries) if (section, place) not in bad]
        for section, entries in data.items()
        if section not in sections
    }
    return schema.Document.model_validate(rest)
