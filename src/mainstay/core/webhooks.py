"""The key that signs outgoing webhooks."""

import base64

from django.conf import settings
from django.utils.crypto import salted_hmac

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
