"""What a metric measures, and which direction of it is harm, read from its name and labels."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What a metric is about."""

    ERRORS = "errors"
    LATENCY = "latency"
    TRAFFIC = "traffic"
    OUTCOME = "outcome"
    CPU = "cpu"
    MEMORY = "memory"
    LOAD = "load"
    HEADROOM = "headroom"
    NEUTRAL = "neutral"


# Harm is upwards (1), downwards (-1), or the metric says nothing of harm by itself (0).
HARM: dict[Kind, int] = {
    Kind.ERRORS: 1,
    Kind.LATENCY: 1,
    Kind.CPU: 1,
    Kind.MEMORY: 1,
    Kind.LOAD: 1,
    Kind.OUTCOME: -1,
    Kind.HEADROOM: -1,
    Kind.TRAFFIC: 0,
    Kind.NEUTRAL: 0,
}

_SETTINGS = frozenset(
    "info version hash config build created limit quota capacity virtual total_capacity threshold".split()
)
_ERRORS = frozenset(
    "error errors err errs fail failed fails failure failures exception exceptions 5xx 4xx timeout timeouts reject "
    "rejected rejects rejections refused drop dropped drops lost dead deadletter deadletters mismatch mismatches retry "
    "retries abort aborted aborts panic panics crash crashes restart restarts oom killed kills invalid unhealthy "
    "unavailable denied fault faults deadlock deadlocks rollback rollbacks discarded discards throttled throttles "
    "throttling loss retrans retransmits retransmissions miss misses unreachable cancelled canceled declined corrupt "
    "corrupted violations".split()
)
# Errors that callers make, and which are many for other reasons too.
_THEIRS = frozenset("4xx declined denied cancelled canceled invalid".split())
_LATENCY = frozenset(
    "latency latencies duration durations delay delays lag wait waiting elapsed took ttfb rtt rt mrt age oldest "
    "running slow slowness".split()
)
_HEADROOM = frozenset(
    "free avail available left idle remaining expiry expires apdex availability healthy ready alive uptime".split()
)
_MEMORY = frozenset("memory mem heap rss resident swap".split())
_LOAD = frozenset(
    "load load1 load5 load15 disk diskio storage filesystem queue queued depth backlog pending inflight unsettled "
    "connections conns thread threads clients sessions activity concurrent concurrency "
    "goroutines fds saturation utilization utilisation usage used busy gc pool open stuck blocked locks locked "
    "unprocessed outstanding".split()
)
_TRAFFIC = frozenset(
    "request requests rps rpm qps tps ops call calls hits pageviews visits queries traffic workload invocations".split()
)
_OUTCOME = frozenset(
    "throughput order orders placed fulfilled processed completed captured success successes succeeded successful "
    "conversion conversions sales revenue value payments charges reservations logins checkouts transactions messages "
    "events jobs delivered sent ok".split()
)
_TIME = re.compile(r"(^|_)(seconds|milliseconds|ms|time|p\d\d+|median|percentile)($|_)")
_RATIO = frozenset("ratio rate percent percentage pct share fraction".split())
# Only such labels say what a series counts; a path or a host can hold any word.
_TELLING = frozenset(
    "status code status_code http_status http_status_code response_code outcome result level severity state type "
    "kind".split()
)
_LABEL = re.compile(r"([A-Za-z_][A-Za-z0-9_.]*)\s*=\s*\"?((?:[^\",}\\]|\\.)*)\"?")
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z0-9])(?=[A-Z][a-z])")
# These are counted, however long each of them has run.
_RUNNING = frozenset("thread threads connections sessions jobs tasks processes".split())
_WORD = re.compile(r"[a-z]+(?:\d+[a-z]*)?|\d+[a-z]*")


@dataclass(frozen=True)
class Metric:
    """What the name of one series says: ``base`` is without labels, ``theirs`` are errors that callers make."""

    name: str
    base: str
    kind: Kind
    ratio: bool
    counts: bool
    moment: bool
    theirs: bool

    @property
    def harm(self) -> int:
        """1 when more of it is harm, -1 when less of it is, 0 when neither."""
        return HARM[self.kind]


def read(name: str) -> Metric:
    """Understand the name of a metric, with or without labels in braces."""
    base, _, rest = name.partition("{")
    base = base.strip()
    snake = _CAMEL.sub("_", base).lower().replace("un_healthy", "unhealthy")
    words = set(_WORD.findall(snake))
    labels = {key.lower(): value.lower() for key, value in _LABEL.findall(rest)}
    counts = bool(re.search(r"_(total|count|sum)$", snake))
    moment = "timestamp" in words
    theirs = bool(words & _THEIRS) or any(re.match(r"4(\d\d|xx)|" + "|".join(_THEIRS), one) for one in labels.values())
    return Metric(name, base, _kind(snake, words, labels), bool(words & _RATIO), counts, moment, theirs)


def _kind(snake: str, words: set[str], labels: dict[str, str]) -> Kind:
    """The first that fits, from what is surest to what is vaguest."""
    told = _told(labels)
    timed = bool(words & _LATENCY or _TIME.search(snake)) and not ("running" in words and words & _RUNNING)
    moment = "timestamp" in words
    choices = (
        (bool(words & _SETTINGS) or ("max" in words and not timed), Kind.NEUTRAL),
        (bool(words & _ERRORS) or told is Kind.ERRORS, Kind.ERRORS),
        ("cpu" in words, Kind.HEADROOM if "idle" in words else Kind.CPU),
        (bool(words & _HEADROOM) or re.search(r"(^|_)up$", snake) is not None, Kind.HEADROOM),
        (bool(words & _MEMORY), Kind.MEMORY),
        (moment, Kind.LATENCY if "last" in words else Kind.NEUTRAL),
        ("success" in words or ("hit" in words and bool(words & _RATIO)), Kind.OUTCOME),
        (snake.endswith("_count") and timed, Kind.TRAFFIC),
        (timed, Kind.LATENCY),
        (bool(words & _LOAD), Kind.LOAD),
        (bool(words & _TRAFFIC), Kind.TRAFFIC),
        (bool(words & _OUTCOME) and told is None, Kind.OUTCOME),
    )
    return next((kind for fits, kind in choices if fits), Kind.NEUTRAL)


def _told(labels: dict[str, str]) -> Kind | None:
    """What the telling labels say: an error, an outcome that is good, or something beside both."""
    for key in _TELLING & labels.keys():
        value = labels[key]
        if re.fullmatch(r"[45](\d\d|xx)", value) or set(_WORD.findall(value)) & (_ERRORS | {"fatal", "critical"}):
            return Kind.ERRORS
        if key == "outcome" and value in {"sold_out", "released", "skipped", "ignored"}:
            return Kind.NEUTRAL
    return None
