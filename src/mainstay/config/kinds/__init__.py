"""How each section of a file is read from the rooms and written to them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mainstay.config.kinds import (
    calendar,
    catalog,
    checks,
    configurations,
    drills,
    levels,
    maintenance,
    oncall,
    people,
    releases,
    reports,
    runbooks,
    sqldesk,
    subscribers,
    trackers,
    watching,
)
from mainstay.core.access import Actor

Entry = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """``load`` gives entries by identity with their source, ``save`` writes one, ``remove`` deletes one."""

    load: Callable[[], dict[str, tuple[Entry, str]]]
    save: Callable[[Actor, Entry, str], None]
    remove: Callable[[Actor, str], None]


KINDS: Mapping[str, Kind] = {
    "people": Kind(people.load, people.save, people.remove),
    "teams": Kind(catalog.load_teams, catalog.save_team, catalog.remove_team),
    "services": Kind(catalog.load_services, catalog.save_service, catalog.remove_service),
    "calendar": Kind(calendar.load, calendar.save, calendar.remove),
    "business_processes": Kind(catalog.load_processes, catalog.save_process, catalog.remove_process),
    "agreements": Kind(levels.load_agreements, levels.save_agreement, levels.remove_agreement),
    "objectives": Kind(levels.load_objectives, levels.save_objective, levels.remove_objective),
    "subscribers": Kind(subscribers.load, subscribers.save, subscribers.remove),
    "rotations": Kind(oncall.load_rotations, oncall.save_rotation, oncall.remove_rotation),
    "escalation_policies": Kind(oncall.load_policies, oncall.save_policy, oncall.remove_policy),
    "targets": Kind(watching.load_targets, watching.save_target, watching.remove_target),
    "rules": Kind(watching.load_rules, watching.save_rule, watching.remove_rule),
    "log_rules": Kind(watching.load_log_rules, watching.save_log_rule, watching.remove_rule),
    "log_metrics": Kind(watching.load_log_metrics, watching.save_log_metric, watching.remove_log_metric),
    "known_errors": Kind(catalog.load_known_errors, catalog.save_known_error, catalog.remove_known_error),
    "connections": Kind(sqldesk.load, sqldesk.save, sqldesk.remove),
    "hosts": Kind(runbooks.load_hosts, runbooks.save_host, runbooks.remove_host),
    "runbooks": Kind(runbooks.load_books, runbooks.save_book, runbooks.remove_book),
    "checks": Kind(checks.load, checks.save, checks.remove),
    "configurations": Kind(configurations.load, configurations.save, configurations.remove),
    "release_plans": Kind(releases.load, releases.save, releases.remove),
    "maintenance": Kind(maintenance.load, maintenance.save, maintenance.remove),
    "drills": Kind(drills.load, drills.save, drills.remove),
    "remedies": Kind(runbooks.load_remedies, runbooks.save_remedy, runbooks.remove_remedy),
    "reports": Kind(reports.load, reports.save, reports.remove),
    "trackers": Kind(trackers.load, trackers.save, trackers.remove),
    "log_policies": Kind(watching.load_log_policies, watching.save_log_policy, watching.remove_log_policy),
    "log_formats": Kind(watching.load_log_formats, watching.save_log_format, watching.remove_log_format),
}
