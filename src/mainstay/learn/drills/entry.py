"""A scenario as plain data, as files, tables and clients hold it, and back."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from mainstay.learn.drills.domain import Culprit, Decoy, Deed, Hint, Scenario

Entry = dict[str, Any]


def entry_of(scenario: Scenario) -> Entry:
    """Plain data."""
    return asdict(scenario)


def scenario_of(entry: Mapping[str, Any]) -> Scenario:
    """The scenario that plain data means. What a file leaves out takes its default."""
    given = dict(entry)
    given["culprits"] = tuple(Culprit(tuple(one["accepted"]), one["what"]) for one in entry["culprits"])
    given["hints"] = tuple(Hint(one["text"], one["cost"]) for one in entry.get("hints", ()))
    given["skills"] = tuple(entry["skills"])
    given["breaks"], given["mends"] = _deed(entry["breaks"]), _deed(entry["mends"])
    decoy = entry.get("decoy")
    given["decoy"] = Decoy(**decoy) if decoy else None
    return Scenario(**given)


def _deed(given: Mapping[str, Any]) -> Deed:
    return Deed(tuple(given.get("faults", ())), given.get("runbook", ""), dict(given.get("inputs", {})))
