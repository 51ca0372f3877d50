"""Logs by HTTP from the clients that people use: each sends for real, and what it sent can be found."""

import logging
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.system.conftest import Taking
from tests.system.sent import wait_for

pytestmark = [pytest.mark.once, pytest.mark.xdist_group("taking")]


@contextmanager
def logger_with(handler: logging.Handler) -> Iterator[logging.Logger]:
    logger = logging.getLogger(f"shop.{type(handler).__name__}")
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    logger.addHandler(handler)
    try:
        yield logger
    finally:
        logger.removeHandler(handler)
        handler.close()


def test_splunk_handler(taking: Taking) -> None:
    with warnings.catch_warnings():
        # It sets up the retries of requests by a name that urllib3 no longer likes.
        warnings.simplefilter("ignore")
        from splunk_handler import SplunkHandler

        handler = SplunkHandler(
            "127.0.0.1",
            taking.here.port,
            taking.here.token,
            "main",
            hostname="app-1",
            protocol="http",
            source="checkout",
            flush_interval=0.1,
        )
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    with logger_with(handler) as logger:
        logger.error("splunk-handler cannot charge")
        handler.force_flush()
    (line,) = wait_for(taking.here, "splunk-handler cannot charge")
    assert (line.service, line.source) == ("checkout", "hec")
    assert line.attributes["host.name"] == "app-1"
    assert line.attributes["com.splunk.index"] == "main"


def test_splunk_hec_handler(taking: Taking) -> None:
    from splunk_hec_handler import SplunkHecHandler

    options = {
        "port": taking.here.port,
        "proto": "http",
        "hostname": "app-2",
        "source": "billing",
        "sourcetype": "_json",
    }
    with logger_with(SplunkHecHandler("127.0.0.1", taking.here.token, **options)) as logger:
        logger.warning({"message": "hec-handler is slow", "order": {"id": 17}, "fields": {"region": "eu"}})
    (line,) = wait_for(taking.here, "hec-handler is slow")
    assert (line.service, line.level, line.body) == ("billing", "warning", "hec-handler is slow")
    assert line.attributes["order.id"] == "17"
    assert line.attributes["region"] == "eu"


def test_python_logging_loki(taking: Taking) -> None:
    import logging_loki

    handler = logging_loki.LokiHandler(
        f"{taking.here.url}/loki/api/v1/push", {"service": "basket"}, auth=("any", taking.here.token), version="1"
    )
    with logger_with(handler) as logger:
        logger.error("python-logging-loki lost a basket", extra={"tags": {"region": "eu"}})
    (line,) = wait_for(taking.here, "python-logging-loki lost a basket")
    assert (line.service, line.level, line.source) == ("basket", "error", "loki")
    assert line.attributes["region"] == "eu"
    assert abs(line.micros / 1e6 - time.time()) < 120


def test_loki_logger_handler_with_gzip_and_structured_metadata(taking: Taking) -> None:
    from loki_logger_handler.loki_logger_handler import LokiLoggerHandler

    handler = LokiLoggerHandler(
        f"{taking.here.url}/loki/api/v1/push",
        {"app": "search"},
        auth=("any", taking.here.token),
        timeout=1,
        enable_structured_loki_metadata=True,
        loki_metadata={"pod": "search-7"},
    )
    with logger_with(handler) as logger:
        logger.error("loki-logger-handler found nothing")
        handler.flush_event.set()
        (line,) = wait_for(taking.here, "loki-logger-handler found nothing")
    assert line.service == "search"
    assert line.attributes["k8s.pod.name"] == "search-7"


def test_curl_like_text_and_json(taking: Taking) -> None:
    def post(path: str, body: bytes, kind: str) -> int:
        headers = {"Authorization": f"Bearer {taking.here.token}", "Content-Type": kind}
        with urllib.request.urlopen(
            urllib.request.Request(taking.here.url + path, body, headers), timeout=20
        ) as answer:
            return int(answer.status)

    kind = "application/x-www-form-urlencoded"
    assert post("/api/v1/logs?service=cron&host=db-1", b"plain-text ERROR disk full\nplain-text done\n", kind) == 202
    record = b'{"level":"warn","msg":"plain-json slow","service":"cron","n":5,"time":"2026-01-02T03:04:05Z"}\n'
    assert post("/api/v1/logs", record, "application/x-ndjson") == 202
    assert {line.service for line in wait_for(taking.here, "plain-text", 2)} == {"cron"}
    (line,) = wait_for(taking.here, "plain-json slow")
    assert (line.service, line.level, line.attributes["n"]) == ("cron", "warning", "5")
    assert line.micros == 1_767_323_045_000_000


def test_elasticsearch(taking: Taking) -> None:
    from elasticsearch import Elasticsearch, helpers

    documents = [
        {
            "_op_type": "create",
            "_index": "logs-returns-default",
            "@timestamp": "2026-11-23T06:15:00.123456Z",
            "message": f"elasticsearch-py refund {number}",
            "log": {"level": "ERROR"},
            "host": {"name": "app-3"},
            "trace": {"id": "4bf92f3577b34da6a3ce929d0e0e4736"},
        }
        for number in range(3)
    ]
    with Elasticsearch(f"{taking.here.url}/elastic", basic_auth=("shop", taking.here.token)) as client:
        assert client.info()["tagline"]
        assert helpers.bulk(client, documents) == (3, [])
        client.index(index="orders-2026.11.23", document={"message": "elasticsearch-py one", "service": {"name": "o"}})
        with pytest.raises(helpers.BulkIndexError) as caught:
            helpers.bulk(client, [{"_op_type": "delete", "_index": "x", "_id": "1"}])
        assert "only added" in str(caught.value.errors)
    found = wait_for(taking.here, "elasticsearch-py refund", 3)
    assert {(line.service, line.level, line.source) for line in found} == {("returns", "error", "elasticsearch")}
    assert found[0].trace_id == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (found[0].attributes["host.name"], found[0].micros) == ("app-3", 1_795_414_500_123_456)
    assert wait_for(taking.here, "elasticsearch-py one")[0].service == "o"


def test_elasticsearch_with_an_api_key(taking: Taking) -> None:
    from elasticsearch import Elasticsearch, helpers

    with Elasticsearch(f"{taking.here.url}/elastic", api_key=("shop", taking.here.token)) as client:
        done = helpers.bulk(client, [{"_index": "stock-2026.11", "message": "api-key came"}])
    assert done == (1, [])
    assert wait_for(taking.here, "api-key came")[0].service == "stock"


def test_opensearch(taking: Taking) -> None:
    from opensearchpy import OpenSearch, helpers

    client = OpenSearch(f"{taking.here.url}/elastic", http_auth=("shop", taking.here.token), http_compress=True)
    assert client.ping()
    assert helpers.bulk(client, [{"_index": "mail", "message": "opensearch-py bounced", "level": "warn"}]) == (1, [])
    client.close()
    (line,) = wait_for(taking.here, "opensearch-py bounced")
    assert (line.service, line.level) == ("mail", "warning")


# The handler leaves its connections to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_pygelf_over_http(taking: Taking) -> None:
    from pygelf import GelfHttpHandler

    handler = GelfHttpHandler("127.0.0.1", taking.here.port, _app_name="tax", include_extra_fields=True)
    handler.headers["Authorization"] = f"Bearer {taking.here.token}"
    with logger_with(handler) as logger:
        logger.error("pygelf-http no rate", extra={"country": "DE"})
    (line,) = wait_for(taking.here, "pygelf-http no rate")
    assert (line.service, line.level, line.attributes["country"]) == ("tax", "error", "DE")
