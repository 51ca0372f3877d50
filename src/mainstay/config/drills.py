"""What a configuration file may say of drills on a staging system."""

from typing import Literal, Self

from pydantic import Field, model_validator

from mainstay.config.parts import Duration
from mainstay.core.entries import Entry, Key
from mainstay.learn.drills.domain import SKILLS


class Culprit(Entry):
    """One thing that is broken."""

    accepted: list[Key] = Field(min_length=1, max_length=20, description="Services that count as the right answer.")
    what: str = Field(min_length=1, max_length=500)


class Hint(Entry):
    """A help, and what it costs."""

    text: str = Field(min_length=1, max_length=500)
    cost: int = Field(ge=0, le=50)


class Decoy(Entry):
    """A harmless change that is reported shortly before the break."""

    service: Key
    kind: Literal["deploy", "config", "flag", "other"] = "deploy"
    summary: str = Field(min_length=1, max_length=500)
    diff: str = Field("", max_length=20_000)
    why_harmless: str = Field(min_length=1, max_length=500)


class ByRunbook(Entry):
    """A runbook that needs nobody's approval, and what it is given."""

    runbook: Key
    inputs: dict[str, str] = {}


class Within(Entry):
    """What is usual, from the break on."""

    acknowledge: Duration = 180.0
    find: Duration = 600.0
    restore: Duration = 900.0


class Drill(Entry):
    """A scenario on a staging system, which a runbook breaks and a runbook mends."""

    key: Key
    name: str = Field(min_length=1, max_length=200)
    level: Literal["joiner", "responder", "senior", "lead"] = "responder"
    story: str = Field(min_length=1, max_length=2000, description="What is told at the beginning. Not the cause.")
    skills: list[str] = Field(min_length=1, max_length=len(SKILLS))
    culprits: list[Culprit] = Field(min_length=1, max_length=3)
    explanation: str = Field(min_length=1, max_length=4000, description="What is told at the end.")
    breaks: ByRunbook
    mends: ByRunbook
    hints: list[Hint] = Field([], max_length=10)
    decoy: Decoy | None = None
    within: Within = Within()

    @model_validator(mode="after")
    def _known_skills(self) -> Self:
        unknown = sorted(set(self.skills) - set(SKILLS))
        if unknown:
            raise ValueError(f"skills: {unknown[0]!r} is not one of {', '.join(SKILLS)}")
        return self
