"""Every protocol that intake speaks over HTTP. One directory each, its routes here."""

import re
from collections.abc import Mapping

from mainstay.observe.intake import alertmanager, changes, elastic, gelf, hec, journald, loki, otlp, plain
from mainstay.observe.intake.received import Route

# (method, path) -> what serves it. A name in braces stands for one segment of the path.
ROUTES: Mapping[tuple[str, str], Route] = {
    ("POST", "/api/v2/alerts"): Route("alertmanager", alertmanager.decode),
    ("POST", "/api/v1/changes"): Route("changes", changes.decode),
    ("POST", "/v1/metrics"): Route("otlp metrics", otlp.decode_metrics),
    ("POST", "/v1/logs"): Route("otlp logs", otlp.decode_logs),
    ("POST", "/v1/traces"): Route("otlp traces", otlp.decode_traces),
    **plain.ROUTES,
    **hec.ROUTES,
    **loki.ROUTES,
    **elastic.ROUTES,
    **gelf.ROUTES,
    **journald.ROUTES,
}
_BRACES = re.compile(r"\\\{(\w+)\\\}")
_VARYING = tuple(
    (method, re.compile(_BRACES.sub(r"(?P<\1>[^/]+)", re.escape(path))), route)
    for (method, path), route in ROUTES.items()
    if "{" in path
)


def find(method: str, path: str) -> tuple[Route, Mapping[str, str]] | None:
    """The route of a request, and what varies in its path by name."""
    exact = ROUTES.get((method, path))
    if exact:
        return exact, {}
    for named, pattern, route in _VARYING:
        found = pattern.fullmatch(path) if named == method else None
        if found:
            return route, found.groupdict()
    return None
