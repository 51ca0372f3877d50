"""What all parts of a case look at: the incident, what was diagnosed of it, and the window in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from mainstay.core.access import Actor
from mainstay.learn.diagnosis.domain.case import Case
from mainstay.learn.diagnosis.domain.decide import Candidate, Diagnosis
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.times import Range
from mainstay.respond.alerts.models import Alert
from mainstay.respond.incidents.models import Incident

Row = dict[str, Any]


@dataclass(frozen=True)
class Scene:
    """An incident with its case, its diagnosis and its alerts, and whoever looks."""

    actor: Actor
    incident: Incident
    case: Case
    said: Diagnosis
    alerts: tuple[Alert, ...]
    now: datetime

    @property
    def window(self) -> Range:
        """The problem, as two moments."""
        return times.of(moment(self.case.problem.start), moment(self.case.problem.end))

    @property
    def services(self) -> list[str]:
        """The service of the alert and those that are blamed, then all around it, each once."""
        alert = self.case.alert.service
        calls = [one for pair in self.case.calls or () for one in pair]
        return list(dict.fromkeys([alert, *(one.name for one in self.said.services), *sorted(calls)]))

    @property
    def suspects(self) -> tuple[Candidate, ...]:
        """The services that are blamed, the most likely first."""
        return self.said.services

    @property
    def suspect(self) -> str:
        """The service that is blamed first, else that of the alert."""
        return self.suspects[0].name if self.suspects else self.case.alert.service


def moment(seconds: float) -> datetime:
    """Seconds since 1970 as a moment in UTC."""
    return datetime.fromtimestamp(seconds, UTC)


def stamp(at: datetime | None) -> str:
    """A moment as a case writes it, to the second; empty for none."""
    return times.stamp(at.replace(microsecond=0)) if at is not None else ""
