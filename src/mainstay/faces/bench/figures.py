"""What a measurement found, beside what it should find."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One thing measured. ``beside`` is what other programs take for the same. Without a goal nothing is reached."""

    name: str
    measured: float
    unit: str
    goal: str = ""
    beside: str = ""
    reached: bool | None = None


def at_least(name: str, measured: float, unit: str, goal: float) -> Figure:
    """A figure that should be large."""
    return Figure(name, round(measured, 3), unit, f">= {goal:,}", "", measured >= goal)


def at_most(name: str, measured: float, unit: str, goal: float, beside: str = "") -> Figure:
    """A figure that should be small."""
    return Figure(name, round(measured, 3), unit, f"<= {goal:,}", beside, measured <= goal)
