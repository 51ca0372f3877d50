"""Every protocol that intake speaks. One directory each, one line here."""

from collections.abc import Mapping

from mainstay.observe.intake import alertmanager, changes, otlp
from mainstay.observe.intake.received import Handler

# (method, path) -> (name of the protocol, what decodes it)
ROUTES: Mapping[tuple[str, str], tuple[str, Handler]] = {
    ("POST", "/api/v2/alerts"): ("alertmanager", alertmanager.decode),
    ("POST", "/api/v1/changes"): ("changes", changes.decode),
    ("POST", "/v1/metrics"): ("otlp metrics", otlp.decode_metrics),
    ("POST", "/v1/logs"): ("otlp logs", otlp.decode_logs),
}
PATHS = frozenset(path for _, path in ROUTES)
