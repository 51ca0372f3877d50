"""A signed HTTP POST, for whatever speaks HTTP.

The signature follows Standard Webhooks: ``webhook-signature: v1,BASE64(HMAC-SHA256(secret, id.timestamp.body))``.
"""

import base64
import hashlib
import hmac

import orjson

from mainstay.core import clock
from mainstay.core.http import OutgoingError, call
from mainstay.core.settings import current
from mainstay.core.webhooks import signing_key
from mainstay.respond.paging.message import DeliveryError, Message

NAME = "webhook"
LABEL = "Webhook"
HINT = "An http or https address. Requests are signed; private addresses must be allowed in the settings."


def check(address: str) -> None:
    """Raise ``ValueError`` when it is not an address that can be posted to."""
    if not address.startswith(("https://", "http://")):
        raise ValueError("a webhook address starts with https:// or http://")


def mask(address: str) -> str:
    """Scheme and host: the path may hold a secret."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/…"


def signature(key: str, stamp: int, body: bytes) -> str:
    """The value of the signature header."""
    signed = f"{key}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(signing_key(), signed, hashlib.sha256).digest()).decode()


def send(message: Message, address: str, key: str) -> str:
    """Post the page and return the status."""
    body = orjson.dumps(
        {
            "type": "page",
            "subject": message.subject,
            "facts": dict(message.lines),
            "link": message.link,
            "priority": message.priority,
            **message.data,
        }
    )
    stamp = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "webhook-id": key,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(key, stamp, body),
    }
    try:
        answer = call("POST", address, body=body, headers=headers, timeout=current().send_timeout, cut=True)
    except OutgoingError as error:
        raise DeliveryError(str(error), permanent=error.permanent) from error
    if answer.status >= 300:
        raise DeliveryError(
            f"HTTP {answer.status}", permanent=400 <= answer.status < 500 and answer.status not in {408, 425, 429}
        )
    return f"HTTP {answer.status}"
