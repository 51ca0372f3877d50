"""Outgoing webhooks: the key that signs them, and a signed POST.

The signature follows Standard Webhooks: ``webhook-signature: v1,BASE64(HMAC-SHA256(secret, id.timestamp.body))``.
"""

import base64
import hashlib
import hmac

from django.conf import settings
from django.utils.crypto import salted_hmac

from mainstay.core import clock
from mainstay.core.http import OutgoingError, call
from mainstay.core.settings import current


def signing_secret() -> str:
    """The secret from the settings, else one that follows from this installation's own key."""
    given = str(current().webhook_secret)
    if given:
        return given
    digest = salted_hmac("mainstay.webhook", "signing", secret=settings.SECRET_KEY, algorithm="sha256").digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def signing_key() -> bytes:
    """The secret as the key of the signature."""
    return signing_secret().encode()


def signature(key: str, stamp: int, body: bytes) -> str:
    """The value of the signature header."""
    signed = f"{key}.{stamp}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(signing_key(), signed, hashlib.sha256).digest()).decode()


def mask(address: str) -> str:
    """Scheme and host: the path may hold a secret."""
    scheme, _, rest = address.partition("://")
    return f"{scheme}://{rest.partition('/')[0].rpartition('@')[2]}/…"


def post(address: str, body: bytes, key: str) -> str:
    """Post JSON under a key, the same on every try, and return the status. Raises ``OutgoingError``."""
    stamp = int(clock.now().timestamp())
    headers = {
        "Content-Type": "application/json",
        "Idempotency-Key": key,
        "webhook-id": key,
        "webhook-timestamp": str(stamp),
        "webhook-signature": signature(key, stamp, body),
    }
    answer = call("POST", address, body=body, headers=headers, timeout=current().send_timeout, cut=True)
    if answer.status >= 300:
        permanent = 400 <= answer.status < 500 and answer.status not in {408, 425, 429}
        raise OutgoingError(f"HTTP {answer.status}", permanent=permanent)
    return f"HTTP {answer.status}"
