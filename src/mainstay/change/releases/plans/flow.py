"""Carrying out a flow of HTTP requests: values and cookies go from one answer to the next request."""

import time
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from mainstay.change.releases.plans import expect, text
from mainstay.change.releases.plans.expect import Outcome, Reply
from mainstay.change.releases.plans.model import Flow, Request
from mainstay.core import http, secrets
from mainstay.core.settings import current
from mainstay.restore.runbooks.execution.masking import Masker

# A shorter value of an answer is an order's number rather than a token, and would stand in half of all words.
_TELLING = 8


@dataclass
class _Way:
    """What is known so far: values, secrets, and the cookies of each host."""

    secrets: dict[str, str]
    values: dict[str, str] = field(default_factory=dict)
    cookies: dict[str, dict[str, str]] = field(default_factory=dict)

    def hidden(self, said: str) -> str:
        """A sentence without secrets, and without what an answer gave that may be one."""
        telling = [one for one in self.values.values() if len(one) >= _TELLING]
        telling += [one for jar in self.cookies.values() for one in jar.values() if len(one) >= _TELLING]
        masker = Masker([*self.secrets.values(), *telling])
        return masker.feed(said) + masker.end()


def carry_out(flow: Flow, timeout: float) -> Outcome:
    """Each request in order, up to the first whose answer is not as expected."""
    written = [part for one in flow.requests for part in (one.body, *one.headers.values())]
    try:
        way = _Way({name: secrets.get(name) for part in written for name in text.secrets_in(part)})
    except secrets.SecretError as error:
        return expect.unknown(str(error))
    began = time.monotonic()
    for number, request in enumerate(flow.requests, 1):
        named = f"request {number}, {request.method} {request.url}"
        try:
            problem = _once(request, way, timeout)
        except http.OutgoingError as error:
            said = way.hidden(f"{named}: {error}")
            return expect.unknown(said) if error.permanent else expect.failed(said)
        if problem:
            return expect.failed(way.hidden(f"{named}: {problem}"))
    count = len(flow.requests)
    return expect.passed(f"{count} request{'' if count == 1 else 's'} in {time.monotonic() - began:.2f} s")


def _once(request: Request, way: _Way, timeout: float) -> str:
    """Send one and look at its answer. Returns what is wrong with it."""
    url = text.fill(request.url, way.values, {}, text.in_url)
    host = urlsplit(url).netloc
    headers = {
        name: text.in_header(text.fill(value, way.values, way.secrets, text.as_it_is))
        for name, value in request.headers.items()
    }
    jar = way.cookies.setdefault(host, {})
    if jar:
        headers.setdefault("Cookie", "; ".join(f"{name}={value}" for name, value in jar.items()))
    is_json = request.body.lstrip()[:1] in {"{", "["}
    body = text.fill(request.body, way.values, way.secrets, text.in_json if is_json else text.as_it_is)
    if is_json and not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = "application/json"
    answer = http.call(
        request.method,
        url,
        body=body.encode() if body else None,
        headers=headers,
        timeout=timeout,
        max_bytes=current().release_answer_kb * 1000,
    )
    jar.update(_cookies(answer))
    reply = Reply(answer.status, answer.headers, answer.body.decode("utf-8", "replace"))
    problem = expect.problem_of(request, reply)
    if problem:
        return problem
    try:
        way.values |= expect.taken(request, reply)
    except text.MissingError as error:
        return str(error)
    return ""


def _cookies(answer: http.Answer) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in answer.headers:
        if name.lower() == "set-cookie":
            try:
                found |= {key: one.coded_value for key, one in SimpleCookie(value).items()}
            except CookieError:
                continue
    return found
