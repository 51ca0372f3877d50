"""The two encodings of OTLP, and its values as text."""

import base64
import re
from collections.abc import Iterable
from typing import Any, TypeVar

import orjson
from google.protobuf import json_format
from google.protobuf.message import DecodeError, Message

from mainstay.core.problems import ProblemError, bad_request
from mainstay.observe.intake.received import Received, Request

M = TypeVar("M", bound=Message)
PROTOBUF = "application/x-protobuf"
# OTLP's JSON writes trace and span ids as hex, where protobuf's own JSON has base64.
_HEX_IDS = re.compile(r'"(traceId|spanId|trace_id|span_id|parentSpanId)"\s*:\s*"([0-9a-fA-F]*)"')


def parse(request: Request, message: M) -> M:
    """Fill the message from the body, in the encoding that the content type names."""
    kind = request.content_type.partition(";")[0].strip().lower()
    if kind in {PROTOBUF, "application/octet-stream"}:
        try:
            message.ParseFromString(request.body)
        except DecodeError as error:
            raise bad_request(f"the body is not an OTLP {message.DESCRIPTOR.name}: {error}") from error
        return message
    if kind == "application/json":
        try:
            text = _HEX_IDS.sub(_to_base64, request.body.decode())
            return json_format.Parse(text, message, ignore_unknown_fields=True)
        except (json_format.ParseError, ValueError) as error:
            raise bad_request(f"the body is not an OTLP {message.DESCRIPTOR.name}: {error}") from error
    raise ProblemError(415, "Unsupported media type", f"send {PROTOBUF} or application/json", "Content-Type")


def _to_base64(found: re.Match[str]) -> str:
    return f'"{found.group(1)}":"{base64.b64encode(bytes.fromhex(found.group(2))).decode()}"'


def answer(request: Request, response: Message, received: Received) -> Received:
    """The answer in the encoding of the request, as OTLP demands."""
    if request.content_type.partition(";")[0].strip().lower() == "application/json":
        received.body = orjson.dumps(json_format.MessageToDict(response))
    else:
        received.body, received.content_type = response.SerializeToString(), PROTOBUF
    return received


def plain(value: Any) -> Any:
    """An ``AnyValue`` as plain data."""
    kind = value.WhichOneof("value")
    if kind is None:
        return ""
    found = getattr(value, kind)
    if kind == "array_value":
        return [plain(one) for one in found.values]
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in found.values}
    if kind == "bytes_value":
        return base64.b64encode(found).decode()
    return found


def text(value: Any) -> str:
    """An ``AnyValue`` as text; what is nested becomes JSON."""
    found = plain(value)
    if isinstance(found, str):
        return found.replace("\x00", "")
    if isinstance(found, bool):
        return "true" if found else "false"
    return orjson.dumps(found).decode()


def attributes(pairs: Iterable[Any]) -> dict[str, str]:
    """Attributes as text to text."""
    return {pair.key: text(pair.value) for pair in pairs}
