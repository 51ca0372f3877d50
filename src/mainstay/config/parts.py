"""What entries of configuration files are made of: durations, times, texts and steps."""

from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field

from mainstay.catalog.calendar.civil import read_civil, read_clock, written
from mainstay.catalog.domain import hours_from
from mainstay.observe.metrics.rules.files import RuleError, check_texts, seconds
from mainstay.observe.metrics.scrape.relabel import RelabelError, compile_steps

Email = Annotated[str, Field(pattern=r"^[^@\s]+@[^@\s]+$", max_length=254), AfterValidator(str.lower)]


def _duration(value: Any) -> float:
    try:
        return seconds(value, "duration")
    except RuleError as error:
        raise ValueError(str(error).removeprefix("duration: ")) from error


def _templates(value: Any) -> dict[str, str]:
    try:
        return check_texts(value, "text")
    except RuleError as error:
        raise ValueError(str(error)) from error


def _steps(value: list[dict[str, Any]]) -> list[dict[str, Any]]:
    try:
        compile_steps(value)
    except RelabelError as error:
        raise ValueError(str(error)) from error
    return value


def _hours(value: dict[str, Any]) -> dict[str, Any]:
    hours_from(value)
    return value


def clock(value: Any) -> Any:
    """YAML 1.1 reads 08:00 without quotes as 480, minutes of a day in base 60."""
    return f"{value // 60:02d}:{value % 60:02d}" if isinstance(value, int) and 0 <= value < 1440 else value


def cents(value: Decimal) -> Decimal:
    """As the database keeps it, so that 5200 and 5200.00 are the same."""
    return value.quantize(Decimal("0.01"))


def whole(value: float) -> float:
    """As the database keeps it."""
    if value != int(value):
        raise ValueError("write whole seconds")
    return value


def _civil(value: Any) -> Any:
    """YAML reads a whole date as one; a civil time is text here."""
    if isinstance(value, datetime):
        value = value.isoformat()
    elif isinstance(value, date):
        value = f"{value}T00:00"
    return written(read_civil(value)) if isinstance(value, str) and value else value


def wall_clock(value: Any) -> Any:
    """The time of day that a clock on the wall shows, as it is kept."""
    value = clock(value)
    return f"{read_clock(value):%H:%M}" if isinstance(value, str) and value else value


Civil = Annotated[
    str, BeforeValidator(_civil, json_schema_input_type=str), Field(description="Civil time: 2026-03-01T02:00.")
]
WallClock = Annotated[str, BeforeValidator(wall_clock, json_schema_input_type=str)]
Duration = Annotated[
    float,
    BeforeValidator(_duration, json_schema_input_type=str | float),
    Field(ge=0, description="Seconds, or a duration such as 30s, 5m, 1h30m."),
]
Templates = Annotated[dict[str, str], BeforeValidator(_templates)]
Relabel = Annotated[list[dict[str, Any]], AfterValidator(_steps)]
Hours = Annotated[dict[str, Any], AfterValidator(_hours), Field(description="{timezone, weekly: [{days, from, to}]}")]
