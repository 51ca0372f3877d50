"""The part of Elasticsearch's API that shippers of logs use: the bulk API, single documents, and what they ask before.

Source: Elasticsearch's "Bulk API", "Create or index a document" and "Cluster info"; OpenSearch took them over as they
are. All of it is also below ``/elastic``, where ``GET /`` is not the web screens.
"""

from mainstay.observe.intake.elastic.answers import about, empty, health, licence, refuse
from mainstay.observe.intake.elastic.bulk import PROTOCOL, decode_bulk, decode_document
from mainstay.observe.intake.received import Handler, Route

PREFIX = "/elastic"


def _asks(handler: Handler) -> Route:
    return Route(PROTOCOL, handler, refuse)


_BULK, _ONE = _asks(decode_bulk), _asks(decode_document)
_EVERYWHERE = {
    ("POST", "/_bulk"): _BULK,
    ("PUT", "/_bulk"): _BULK,
    ("POST", "/{index}/_bulk"): _BULK,
    ("PUT", "/{index}/_bulk"): _BULK,
    ("POST", "/{index}/_doc"): _ONE,
    ("PUT", "/{index}/_doc/{id}"): _ONE,
    ("PUT", "/{index}/_create/{id}"): _ONE,
}
# Asked by rsyslog without a prefix, whatever it is set to.
_CHECKS = {("HEAD", "/_cat/health"): _asks(health), ("GET", "/_cat/health"): _asks(health)}
ROUTES = {
    **_EVERYWHERE,
    **_CHECKS,
    **{(method, PREFIX + path): route for (method, path), route in {**_EVERYWHERE, **_CHECKS}.items()},
    ("GET", PREFIX): _asks(about),
    ("GET", f"{PREFIX}/"): _asks(about),
    ("HEAD", PREFIX): _asks(empty),
    ("HEAD", f"{PREFIX}/"): _asks(empty),
    ("HEAD", f"{PREFIX}/{{index}}"): _asks(empty),
    ("GET", f"{PREFIX}/_license"): _asks(licence),
    ("GET", f"{PREFIX}/_cluster/health"): _asks(health),
}
