"""What a protocol hands over: log lines as they came, with what the sender said about them.

Columns rather than objects: a batch has tens of thousands of lines, and everything that is done to them later is done
to whole columns. What many lines share (the service, the host, the labels of a stream) is said once, by an origin.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

LEVELS = ("trace", "debug", "info", "warning", "error", "fatal")


@dataclass(frozen=True)
class Origin:
    """Where lines come from.

    ``stream`` tells one ordered sequence of lines from another (host and file, container, connection); lines of one
    stream that belong together, as those of a stack trace, are joined. ``source`` is the name of the protocol.
    """

    service: str = ""
    stream: str = ""
    source: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Lines:
    """N lines of any number of origins, in the order in which they came.

    ``which`` (N) are places in ``origins``. ``times`` (N) are microseconds since 1970 UTC, 0 where the sender said
    none: then the line's own text is asked, and failing that it is the time of receipt. The other columns may be left
    out; a level that is not one of ``LEVELS``, or empty, is looked for in the text. ``whole`` says that each body is
    one whole record already (as from a logging library), so that none is joined to the one before it.
    """

    origins: Sequence[Origin]
    which: Sequence[int]
    bodies: Sequence[str]
    times: Sequence[int] = ()
    levels: Sequence[str] = ()
    trace_ids: Sequence[str] = ()
    span_ids: Sequence[str] = ()
    attributes: Sequence[Mapping[str, str] | None] = ()
    whole: bool = False

    def __post_init__(self) -> None:
        count = len(self.bodies)
        for name in ("which", "times", "levels", "trace_ids", "span_ids", "attributes"):
            given = len(getattr(self, name))
            if given != count and (given or name == "which"):
                raise ValueError(f"{name} has {given} entries for {count} lines")
