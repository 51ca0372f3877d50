"""What a configuration file may promise of services: agreements on incidents, and objectives."""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mainstay.catalog.calendar.civil import zone_of
from mainstay.config.parts import Duration, Hours, whole
from mainstay.core.entries import Entry, Key, Keyed
from mainstay.observe.metrics.rules.evaluate import metric_names


class Promise(Entry):
    """What is agreed for incidents of one priority."""

    priority: int = Field(ge=1, le=4)
    acknowledge: Annotated[Duration, Field(ge=60), AfterValidator(whole)] | None = None
    restore: Annotated[Duration, Field(ge=60), AfterValidator(whole)] | None = None
    hours: Literal["support", "elapsed"] = Field("support", description="elapsed: all time that passes counts.")


class Agreement(Keyed):
    """How soon incidents of services are acknowledged and restored."""

    services: list[Key] = Field([], description="Without services, team and tiers: everything.")
    team: Key | None = None
    tiers: list[Annotated[int, Field(ge=1, le=4)]] = []
    targets: list[Promise] = Field(min_length=1, max_length=4)
    support_hours: Hours = {}
    during: Key | Literal[""] = Field("", description="Key of a calendar entry whose times are support hours.")
    closed: list[Key] = Field([], description="Keys of calendar entries in whose times support is closed.")
    stops_for: list[Literal["customer", "third_party", "developers"]] = Field(
        [], description="Waits that stop the clock."
    )
    stops_in_maintenance: bool = False
    stops_in_windows: bool = False
    enabled: bool = True

    @model_validator(mode="after")
    def _once(self) -> Self:
        if len({one.priority for one in self.targets}) < len(self.targets):
            raise ValueError("targets: a priority stands twice")
        if self.support_hours and self.during:
            raise ValueError("write either support_hours or during")
        return self


class BudgetGate(Entry):
    """Changes that are refused while little of the budget is left."""

    below: float = Field(ge=0, le=1, description="The share that must be left, such as 0.1.")
    kinds: Annotated[
        list[Literal["correction", "job", "runbook", "release", "other"]], AfterValidator(sorted), Field(min_length=1)
    ] = ["job", "release"]
    unknown: Literal["closed", "open"] = Field("closed", description="What holds while the budget is not known.")


class Objective(Keyed):
    """What share of what a service does goes well, and what follows when too much does not."""

    service: Key
    good: str = Field("", max_length=10_000, description="PromQL: events a second that went well.")
    bad: str = Field("", max_length=10_000, description="PromQL: events a second that did not, instead.")
    total: str = Field("", max_length=10_000, description="PromQL: all events a second.")
    ratio: str = Field("", max_length=10_000, description="PromQL: the share that goes well, instead of all three.")
    target: float = Field(gt=0, le=0.999999, description="Such as 0.999.")
    window: Annotated[Duration, Field(ge=86_400, le=90 * 86_400)] | Literal["month"] = 30 * 86_400.0
    timezone: str = Field("UTC", max_length=64, description="Whose days and months they are.")
    alerts: bool = True
    least_failed: int = Field(3, ge=0, le=1_000_000, description="Failed events without which no alert fires.")
    gate: BudgetGate | None = None
    enabled: bool = True

    @model_validator(mode="after")
    def _can_be_measured(self) -> Self:
        zone_of(self.timezone)
        if self.ratio and (self.good or self.bad or self.total):
            raise ValueError("write either ratio, or good or bad with total")
        if not self.ratio and (bool(self.good) == bool(self.bad) or not self.total):
            raise ValueError("write either good or bad, and total; or ratio")
        for name in ("good", "bad", "total", "ratio"):
            try:
                metric_names(getattr(self, name) or "0")
            except ValueError as error:
                raise ValueError(f"{name}: {error}") from None
        if self.window != "month" and self.window % 86_400:
            raise ValueError("window: write whole days such as 30d, or month")
        return self
