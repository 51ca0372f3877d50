"""How a run leaves the worker."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Rest:
    """The state that a run is left in, why, and when to look again."""

    state: str
    reason: str
    look_at: datetime | None = None
