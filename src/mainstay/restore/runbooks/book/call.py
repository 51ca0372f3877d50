"""HTTP steps: a request as data, filled with values that can change nothing but themselves."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import orjson
import yaml

from mainstay.restore.runbooks.book.model import Call

_KEYS = ("url", "method", "query", "headers", "json", "status")
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_HOLE = re.compile(r"\{([^{}]*)\}")
_HEADER = re.compile(r"[A-Za-z0-9-]{1,80}")
TARGET = "target"


class CallError(ValueError):
    """A request that cannot be made as it is written. The text says what to write."""


@dataclass(frozen=True)
class Filled:
    """A request with its values in place."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes | None


def read_call(text: str) -> Call:
    """A request from the YAML of its step. Raises ``CallError``."""
    try:
        data = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        raise CallError(f"an http step is YAML: {getattr(error, 'problem', error)}") from None
    if not isinstance(data, dict) or not isinstance(data.get("url"), str):
        raise CallError("an http step holds at least a line such as url: https://pay.example/restart")
    unknown = [key for key in data if key not in _KEYS]
    if unknown:
        raise CallError(f"unknown key {unknown[0]!r} in an http step; known are {', '.join(_KEYS)}")
    method = str(data.get("method", "GET")).upper()
    if method not in _METHODS:
        raise CallError(f"method: write one of {', '.join(_METHODS)}")
    parts = urlsplit(data["url"])
    if parts.scheme not in {"http", "https"} or not parts.hostname or "{" in parts.netloc:
        raise CallError("url: write http:// or https:// and a host that no input decides")
    if _HOLE.search(parts.query) or parts.username or parts.fragment:
        raise CallError("url: give values under query, and passwords under headers; only the path may hold {name}")
    if "json" in data and method in {"GET", "HEAD"}:
        raise CallError(f"a {method} has no body; write method: POST, or leave json out")
    status = data.get("status", [])
    status = status if isinstance(status, list) else [status]
    if not all(isinstance(one, int) and 100 <= one <= 599 for one in status):
        raise CallError("status: write the answers that are right, such as 200 or [200, 204]")
    query, headers = (_mapping(data.get(name) or {}, name) for name in ("query", "headers"))
    if any("secret" in one for one in _leaves(query) if _is_value(one)):
        raise CallError("query: a secret in an address ends up in the logs of others; put it under headers or json")
    if not all(_HEADER.fullmatch(name) for name in headers):
        raise CallError("headers: write names of letters, digits and dashes")
    return Call(data["url"], method, query, headers, data.get("json"), tuple(status))


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise CallError(f"{name}: write one 'name: value' a line")
    return {str(key): one for key, one in value.items()}


def _leaves(node: Any) -> list[Any]:
    if isinstance(node, Mapping) and not _is_value(node):
        return [leaf for one in node.values() for leaf in _leaves(one)]
    if isinstance(node, list):
        return [leaf for one in node for leaf in _leaves(one)]
    return [node]


def _is_value(node: Any) -> bool:
    return isinstance(node, Mapping) and bool(node) and set(node) <= {"input", "secret", TARGET, "before"}


def names_in(call: Call) -> tuple[frozenset[str], frozenset[str]]:
    """The inputs and the secrets that a request names."""
    values = [one for part in (call.query, call.headers, call.json) for one in _leaves(part) if _is_value(one)]
    inputs = {str(one["input"]) for one in values if "input" in one}
    inputs |= {name for name in _HOLE.findall(urlsplit(call.url).path) if name != TARGET}
    return frozenset(inputs), frozenset(str(one["secret"]) for one in values if "secret" in one)


def fill(
    call: Call, inputs: Mapping[str, str], typed: Mapping[str, Any], secrets: Mapping[str, str], target: str
) -> Filled:
    """The request with its values: percent-encoded in path and query, as JSON in the body, as one line in a header.

    ``typed`` has the inputs as JSON knows them. Raises ``CallError`` for a value that cannot stand where it should.
    """
    parts = urlsplit(call.url)
    known = {**inputs, TARGET: target}
    path = _HOLE.sub(lambda hole: _segment(hole.group(1), known.get(hole.group(1), "")), parts.path)
    query = urlencode({name: _value(one, inputs, secrets, target) for name, one in call.query.items()})
    headers = {name: str(_value(one, inputs, secrets, target)) for name, one in call.headers.items()}
    for name, one in headers.items():
        if not one.isprintable() or not one.isascii():
            raise CallError(f"the header {name} takes one line of plain letters")
    body = None if call.json is None else orjson.dumps(_value(call.json, {**inputs, **typed}, secrets, target))
    if body is not None:
        headers = {"Content-Type": "application/json", **headers}
    both = "&".join(filter(None, [parts.query, query]))
    return Filled(call.method, parts._replace(path=path, query=both).geturl(), headers, body)


def _value(node: Any, inputs: Mapping[str, Any], secrets: Mapping[str, str], target: str) -> Any:
    if isinstance(node, list):
        return [_value(one, inputs, secrets, target) for one in node]
    if not isinstance(node, Mapping):
        return node
    if not _is_value(node):
        return {str(key): _value(one, inputs, secrets, target) for key, one in node.items()}
    if "input" in node:
        found = inputs.get(str(node["input"]), "")
    else:
        found = secrets[str(node["secret"])] if "secret" in node else target
    return f"{node['before']}{found}" if "before" in node else found


def _segment(name: str, value: str) -> str:
    """A value as one segment of a path: it can neither be none nor climb."""
    if value in {"", ".", ".."}:
        raise CallError(f"{name} is {value!r}, which cannot stand in an address")
    return quote(value, safe="")
