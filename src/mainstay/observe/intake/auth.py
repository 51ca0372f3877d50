"""Who sends: the token of a request, whichever way its protocol carries one."""

import base64
import binascii
import time
from collections.abc import Awaitable, Callable

from mainstay.core.models import ApiToken
from mainstay.core.problems import ProblemError
from mainstay.core.rates import Buckets
from mainstay.core.settings import current
from mainstay.core.tokens import find_token

_TOKEN_LIFE = 5.0
_MAX_KNOWN = 1000
# Clients of HEC write Splunk, those of Elasticsearch ApiKey or Basic; in Basic the password is the token.
SCHEMES = ("bearer", "splunk", "apikey", "basic")
HOW = "send 'Authorization: Bearer TOKEN' with a token of scope intake, or Basic with the token as password"


class Senders:
    """Looks tokens up, remembers them for some seconds, and holds each sender to its rate."""

    def __init__(self, in_thread: Callable[..., Awaitable[str | None]]) -> None:
        self._in_thread = in_thread
        self._known: dict[str, tuple[float, str | None]] = {}
        self._rates = Buckets()

    async def of(self, authorization: str) -> str:
        """The name of the token in an Authorization header, which must be live and of scope intake or write.

        Raises ``ProblemError``: 401 without a token, 403 with a wrong one, 429 when it comes too often.
        """
        name = await self._name(authorization)
        rate = current().intake_requests_per_second
        wait = self._rates.take(name, rate, rate)
        if wait:
            detail = f"more than {rate} requests a second; send more lines at once, or raise intake_requests_per_second"
            raise ProblemError(429, "Too many requests", detail, retry_after=max(1, round(wait)))
        return name

    async def _name(self, authorization: str) -> str:
        kind, _, said = authorization.strip().partition(" ")
        if not said:
            if current().intake_anonymous:
                return "anonymous"
            raise ProblemError(401, "Unauthorized", HOW)
        for secret in _secrets(kind.lower(), said.strip()):
            found = await self._look_up(secret)
            if found is not None:
                return found
        raise ProblemError(403, "Forbidden", "this token is not known, revoked, or not of scope intake")

    async def _look_up(self, secret: str) -> str | None:
        known = self._known.get(secret)
        if known is None or known[0] < time.monotonic():
            name = await self._in_thread(_token_name, secret)
            if len(self._known) > _MAX_KNOWN:
                self._known.clear()
            known = self._known[secret] = (time.monotonic() + _TOKEN_LIFE, name)
        return known[1]


def _secrets(kind: str, said: str) -> list[str]:
    """What may be the token: itself, or the second half of the pair that is written in Base64."""
    if kind not in SCHEMES:
        return []
    pair = ""
    if kind in {"basic", "apikey"}:
        try:
            pair = base64.b64decode(said, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            pair = ""
    return [secret for secret in ([pair] if kind == "basic" else [pair, said]) if secret]


def _token_name(secret: str) -> str | None:
    token = find_token(secret)
    taken = {ApiToken.Scope.INTAKE, ApiToken.Scope.WRITE}
    return token.name if token and token.scope in taken else None
