"""The key that signs outgoing webhooks."""

from django.conf import settings
from django.utils.crypto import salted_hmac

from mainstay.core.settings import current


def signing_key() -> bytes:
    """The key from the settings, else one that follows from this installation's own secret."""
    given = current().webhook_secret
    if given:
        return str(given).encode()
    return salted_hmac("mainstay.webhook", "signing", secret=settings.SECRET_KEY, algorithm="sha256").digest()
