"""Gather lines one by one into the columns of ``Lines``; what many share becomes one origin."""

from collections.abc import Mapping

from mainstay.observe.intake.keeping import SAID
from mainstay.observe.logs.lines import Lines, Origin

MAX_NAME = 200


class Collector:
    """Lines of one batch of one protocol."""

    def __init__(self, source: str, *, whole: bool) -> None:
        self._source, self._whole = source, whole
        self.unread = 0
        self._known: dict[tuple[str, str, tuple[tuple[str, str], ...]], int] = {}
        self._origins: list[Origin] = []
        self._which: list[int] = []
        self._bodies: list[str] = []
        self._times: list[int] = []
        self._levels: list[str] = []
        self._traces: list[str] = []
        self._spans: list[str] = []
        self._attributes: list[Mapping[str, str] | None] = []

    def origin(self, service: str = "", stream: str = "", attributes: Mapping[str, str] | None = None) -> int:
        """The place of an origin, for ``add``."""
        key = (service, stream, tuple((attributes or {}).items()))
        place = self._known.get(key)
        if place is None:
            place = self._known[key] = len(self._origins)
            about = attributes or {}
            self._origins.append(Origin(service[:MAX_NAME], stream[:MAX_NAME], self._source, about))
        return place

    def add(
        self,
        origin: int,
        body: str,
        time: int = 0,
        level: str = "",
        *,
        said: str = "",
        trace_id: str = "",
        span_id: str = "",
        attributes: Mapping[str, str] | None = None,
    ) -> None:
        """One line. ``said`` is a time that could not be read; it is kept as an attribute."""
        self._which.append(origin)
        self._bodies.append(body)
        self._times.append(time)
        self._levels.append(level)
        self._traces.append(trace_id)
        self._spans.append(span_id)
        self._attributes.append({SAID: said, **(attributes or {})} if said else attributes)

    def unreadable(self, text: str, sender: str, piece: int = 0) -> None:
        """A message that is not what it should be, or a later piece of one that was too long, as it came."""
        self.unread += 1
        self.add(self.origin("", sender), text, attributes={"log.piece": str(piece)} if piece else None)

    def __len__(self) -> int:
        return len(self._bodies)

    def lines(self) -> Lines:
        """What was gathered."""
        return Lines(
            self._origins,
            self._which,
            self._bodies,
            self._times,
            self._levels,
            self._traces,
            self._spans,
            self._attributes if any(self._attributes) else (),
            whole=self._whole,
        )
