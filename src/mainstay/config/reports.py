"""What a configuration file may say of reports."""

from typing import Annotated, Literal

from pydantic import Field

from mainstay.config.parts import Email
from mainstay.core.entries import Key, Keyed

Clock = Annotated[str, Field(pattern=r"^([01]\d|2[0-3]):[0-5]\d$", description="A time of day, HH:MM.")]


class Report(Keyed):
    """A report that is mailed after each shift, week or month."""

    kind: Literal["shift", "week", "month"]
    team: Key | None = Field(None, description="Whose services, pages and releases; empty: everything.")
    timezone: str = ""
    shifts: list[Clock] = Field([], max_length=24, description="When shifts begin; empty: as the setting says.")
    mails: list[Email] = Field([], max_length=100, description="Who gets it besides the members of the team.")
    to_team: bool = Field(True, description="Whether the members of the team get it.")
    enabled: bool = True
