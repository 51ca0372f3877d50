"""Log protocols over HTTP: what a sender says is kept, what is wrong is named the way its clients read it."""

import base64
import gzip
import json
import zlib
from typing import Any

import cramjam
import pytest

from mainstay.core import settings
from mainstay.observe.intake import auth, counters
from mainstay.observe.intake.loki.push import PushRequest
from mainstay.observe.intake.models import IntakeError
from mainstay.observe.intake.tests.sending import Client, Kept

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.xdist_group("intake")]
HEC, LOKI, BULK, JOURNAL = "/services/collector/event", "/loki/api/v1/push", "/elastic/_bulk", "/upload"


def hec(**event: Any) -> bytes:
    return json.dumps(event).encode()


def test_hec_takes_events_that_stand_one_after_the_other(client: Client, kept: Kept) -> None:
    body = (
        hec(event="one", time=1_700_000_000.25, source="pay")
        + b"\n"
        + hec(event={"message": "two", "n": 1})
        + hec(event=3)
    )
    status, _, answer = client.send(HEC, body)
    assert (status, answer) == (200, {"text": "Success", "code": 0})
    one, two, three = kept.rows()
    assert (one["body"], one["service"], one["time"]) == ("one", "pay", 1_700_000_000_250_000)
    assert (two["body"], two["attributes"]["n"], three["body"]) == ("two", "1", "3")


@pytest.mark.parametrize(
    ("body", "code", "number"),
    [
        (b"", 5, None),
        (b"  \n", 5, None),
        (b"{nonsense", 6, 0),
        (b'"text"', 6, 0),
        (hec(time=1), 12, 0),
        (hec(event=""), 13, 0),
        (hec(event="x", fields=[1]), 15, 0),
        (hec(event="good") + hec(time=1), 12, 1),
        (hec(event="good") + b'{"event": "cut', 6, 1),
    ],
)
def test_hec_refuses_with_splunks_codes_and_keeps_what_came_before(
    client: Client, kept: Kept, body: bytes, code: int, number: int | None
) -> None:
    status, _, answer = client.send(HEC, body)
    assert (status, answer["code"], answer.get("invalid-event-number")) == (400, code, number)
    assert kept.bodies() == ["good"] * (number or 0)
    assert IntakeError.objects.get().protocol == "splunk hec"


@pytest.mark.parametrize("depth", [300, 900, 5000])
def test_nesting_without_end_is_kept_or_refused(client: Client, depth: int) -> None:
    deep = b"[" * depth + b"]" * depth
    for path, body in ((HEC, b'{"event":{"a":%s}}'), (BULK, b'{"index":{}}\n{"a":%s}\n'), ("/gelf", b'{"a":%s}')):
        assert client.send(path, body % deep)[0] in {200, 202, 400}
    assert client.send(HEC, hec(event="next"))[0] == 200


def test_hec_says_that_acknowledgement_is_off_and_that_it_is_well(client: Client) -> None:
    assert client.send("/services/collector/ack", b'{"acks":[0]}')[2]["code"] == 14
    assert client.send("/services/collector/health", b"", method="GET", authorization="")[2]["code"] == 17
    assert client.send(HEC, hec(event="x"), authorization="")[2]["code"] == 2
    assert client.send(HEC, hec(event="x"), authorization="Splunk wrong")[2]["code"] == 4


def test_hec_raw_takes_lines(client: Client, kept: Kept) -> None:
    path = "/services/collector/raw?host=h1&source=pay&time=1700000000"
    assert client.send(path, b"first\r\n\r\nsecond\n", "text/plain")[0] == 200
    assert kept.bodies() == ["first", "second"]
    assert {row["service"] for row in kept.rows()} == {"pay"}
    assert kept.rows()[0]["attributes"]["host.name"] == "h1"


def loki_request(**labels: str) -> Any:
    request = PushRequest()
    stream = request.streams.add(labels=", ".join(f'{name}="{text}"' for name, text in labels.items()).join("{}"))
    entry = stream.entries.add(line=b"bad \xff line")
    entry.timestamp.FromNanoseconds(1_700_000_000_123_456_789)
    entry.structured_metadata.add(name="trace_id", value="4bf92f3577b34da6a3ce929d0e0e4736")
    return request


@pytest.mark.parametrize("encoding", ["", "snappy"])
def test_loki_takes_protobuf_with_snappy_said_or_not(client: Client, kept: Kept, encoding: str) -> None:
    labels = {"job": "batch", "app": "pay", "level": "warn", "path": 'a\\\\b\\"c'}
    body = bytes(cramjam.snappy.compress_raw(loki_request(**labels).SerializeToString()))
    assert client.send(LOKI, body, "application/x-protobuf", content_encoding=encoding)[0] == 204
    (row,) = kept.rows()
    assert (row["service"], row["level"], row["body"]) == ("pay", "warning", "bad \ufffd line")
    assert (row["time"], row["trace_id"][:4]) == (1_700_000_000_123_456, "4bf9")
    assert row["attributes"]["path"] == 'a\\b"c'


@pytest.mark.parametrize(
    ("posted", "field"),
    [
        ({"streams": {}}, "streams"),
        ({"streams": [1]}, "streams[0]"),
        ({"streams": [{"stream": {}, "values": [["now", "x"]]}]}, "streams[0].values[0][0]"),
        ({"streams": [{"stream": {}, "values": [["1"]]}]}, "streams[0].values[0]"),
    ],
)
def test_loki_names_what_is_wrong(client: Client, posted: Any, field: str) -> None:
    status, _, problem = client.send(LOKI, json.dumps(posted).encode())
    assert (status, problem["field"]) == (400, field)


@pytest.mark.parametrize("body", [b"", b"\xff\xff\xff", b"\xff" * 40, bytes(cramjam.snappy.compress_raw(b"nonsense"))])
def test_loki_protobuf_that_is_none_is_refused(client: Client, body: bytes) -> None:
    assert client.send(LOKI, body, "application/x-protobuf")[0] in {204, 400, 413}
    assert client.send(LOKI, b'{"streams":[]}')[0] == 204


def test_bulk_answers_for_each_document(client: Client, kept: Kept) -> None:
    body = b"\n".join(
        [
            b'{"create": {"_index": "pay-2026.11.23", "_id": "a"}}',
            b'{"message": "good", "level": "error"}',
            b'{"index": {"_index": "pay"}}',
            b'{"message": "cut',
            b'{"delete": {"_index": "pay", "_id": "b"}}',
            b'{"update": {"_index": "pay", "_id": "c"}}',
            b'{"doc": {}}',
            b'{"index": {}}',
            b"[1]",
            b"",
        ]
    )
    status, headers, answer = client.send(BULK, body, "application/x-ndjson")
    assert (status, answer["errors"], headers["x-elastic-product"]) == (200, True, "Elasticsearch")
    results = [next(iter(item.items())) for item in answer["items"]]
    assert [(name, one["status"]) for name, one in results] == [
        ("create", 201),
        ("index", 400),
        ("delete", 400),
        ("update", 400),
        ("index", 400),
    ]
    assert results[0][1]["_id"] == "a"
    assert [(row["body"], row["service"], row["level"]) for row in kept.rows()] == [("good", "pay", "error")]
    assert IntakeError.objects.count() == 1


@pytest.mark.parametrize("body", [b"", b"nonsense\n{}\n", b'{"put": {}}\n{}\n', b"[]\n", b'{"index": 5}\n{}\n'])
def test_a_bulk_request_that_is_none_is_refused_as_elasticsearch_does(client: Client, body: bytes) -> None:
    status, headers, answer = client.send(BULK, body, "application/x-ndjson")
    assert (status, answer["status"], headers["x-elastic-product"]) == (400, 400, "Elasticsearch")
    assert answer["error"]["reason"]


def test_journal_entries_in_text_and_binary_form(client: Client, kept: Kept) -> None:
    text = "line one\nline ü".encode()
    body = b"__REALTIME_TIMESTAMP=1700000000000001\nPRIORITY=4\n_SYSTEMD_UNIT=pay.service\nMESSAGE\n"
    body += len(text).to_bytes(8, "little") + text + b"\nCODE_LINE=7\n\nMESSAGE=last\n\n"
    status, _, _ = client.send(JOURNAL, body, "application/vnd.fdo.journal")
    assert status == 202
    one, last = kept.rows()
    assert (one["body"], one["service"], one["level"]) == ("line one\nline ü", "pay", "warning")
    assert (one["time"], one["attributes"]["code.line.number"]) == (1_700_000_000_000_001, "7")
    assert last["body"] == "last"


@pytest.mark.parametrize("body", [b"MESSAGE\n\x05\x00", b"MESSAGE\n" + b"\xff" * 8 + b"x", b"a b=c\n", b"MESSAGE=cut"])
def test_a_journal_that_is_none_or_cut_is_refused(client: Client, kept: Kept, body: bytes) -> None:
    assert client.send(JOURNAL, body, "application/vnd.fdo.journal")[0] == 400
    assert not kept.rows()


def test_a_long_journal_is_kept_in_parts_that_lose_nothing(client: Client, kept: Kept) -> None:
    entry = "MESSAGE={:06d} " + "x" * 1000 + "\n\n"
    body = "".join(entry.format(number) for number in range(30_000)).encode()
    assert len(body) > 16_000_000
    pieces = [body[start : start + 65_537] for start in range(0, len(body), 65_537)]
    assert client.send_pieces(JOURNAL, pieces, "application/vnd.fdo.journal") == 202
    assert [int(body[:6]) for body in kept.bodies()] == list(range(30_000))


@pytest.mark.parametrize(
    ("body", "kind", "bodies"),
    [
        (b"one\n\ntwo\x00\r\nb\xff\n", "text/plain", ["one", "two", "b\ufffd"]),
        (b'{"msg":"one"}\n\n{"a":{"b":1}}', "application/x-ndjson", ["one", '{"a":{"b":1}}']),
        (b'[{"msg":"one"},{"msg":"two"}]', "application/json", ["one", "two"]),
    ],
)
def test_plain_lines(client: Client, kept: Kept, body: bytes, kind: str, bodies: list[str]) -> None:
    status, _, answer = client.send("/api/v1/logs?service=pay&level=warn", body, kind)
    assert (status, answer) == (202, {"lines": len(bodies)})
    assert kept.bodies() == bodies
    assert {(row["service"], row["level"]) for row in kept.rows()} == {("pay", "warning")}


@pytest.mark.parametrize(
    ("query", "body", "field"),
    [("sevice=x", b"", "sevice"), ("level=loud", b"", "level"), ("", b'{"a":1}\nnonsense', "[1]"), ("", b"5", "[0]")],
)
def test_plain_lines_name_what_is_wrong(client: Client, query: str, body: bytes, field: str) -> None:
    status, _, problem = client.send(f"/api/v1/logs?{query}", body, "application/x-ndjson")
    assert (status, problem["field"]) == (400, field)


def test_a_line_of_ten_megabytes_is_kept_whole(client: Client, kept: Kept) -> None:
    assert client.send("/api/v1/logs", b"x" * 10_000_000, "text/plain")[0] == 202
    assert len(kept.bodies()[0]) == 10_000_000


@pytest.mark.parametrize("said", ["0001-01-01T00:00:00Z", "soon", "9999-12-31T00:00:00Z", 1e300, -5, "inf"])
def test_a_time_that_cannot_be_is_kept_beside_the_line(client: Client, kept: Kept, said: Any) -> None:
    assert client.send("/api/v1/logs", json.dumps({"msg": "x", "time": said}).encode())[0] == 202
    (row,) = kept.rows()
    assert row["time"] > 1_700_000_000_000_000
    assert row["attributes"]["time.said"]


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("gzip", lambda body: gzip.compress(body[:5]) + gzip.compress(body[5:])),
        ("deflate", zlib.compress),
        ("gzip,deflate", zlib.compress),
        ("zstd", lambda body: bytes(cramjam.zstd.compress(body))),
        ("snappy", lambda body: bytes(cramjam.snappy.compress_raw(body))),
    ],
)
def test_every_encoding_is_unpacked_and_bounded(client: Client, kept: Kept, encoding: str, pack: Any) -> None:
    send = "/api/v1/logs"
    assert client.send(send, pack(b"hello world\n"), "text/plain", content_encoding=encoding)[0] == 202
    assert kept.bodies() == ["hello world"]
    assert client.send(send, pack(b"x" * 60_000_000), "text/plain", content_encoding=encoding)[0] == 413
    assert client.send(send, b"nonsense", "text/plain", content_encoding=encoding)[0] == 400
    assert client.send(send, pack(b"hello world\n")[:-3], "text/plain", content_encoding=encoding)[0] == 400


def test_tokens_come_in_every_scheme(client: Client) -> None:
    token = client.token
    pair = base64.b64encode(f"any:{token}".encode()).decode()
    for scheme in (f"Bearer {token}", f"Splunk {token}", f"splunk {token}", f"Basic {pair}", f"ApiKey {pair}"):
        assert client.send("/api/v1/logs", b"x", "text/plain", authorization=scheme)[0] == 202
    assert client.send("/api/v1/logs", b"x", "text/plain", authorization=f"ApiKey {token}")[0] == 202
    for scheme in (f"Digest {token}", f"Basic {token}", "Basic", "Basic ="):
        assert client.send("/api/v1/logs", b"x", "text/plain", authorization=scheme)[0] in {401, 403}


def test_a_sender_over_its_rate_is_told_when_to_come_again(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = settings.current()
    values = {**loaded.values, "intake_requests_per_second": 2}
    monkeypatch.setattr(auth, "current", lambda: settings.Loaded(values, loaded.origins))
    answers = [client.send("/api/v1/logs", b"x", "text/plain") for _ in range(6)]
    assert answers[0][0] == 202
    assert answers[-1][0] == 429
    assert int(answers[-1][1]["retry-after"]) >= 1
    assert "intake_requests_per_second" in answers[-1][2]["detail"]


def test_what_came_is_counted_by_protocol(client: Client) -> None:
    before = counters.all_counts().get("loki", counters.Counts())
    client.send(LOKI, b'{"streams":[{"stream":{},"values":[["1700000000000000000","x"]]}]}')
    client.send(LOKI, b"nonsense")
    after = counters.all_counts()["loki"]
    assert (after.lines - before.lines, after.refused - before.refused) == (1, 1)
