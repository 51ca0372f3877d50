"""A signed HTTP POST, for whatever speaks HTTP."""

import orjson

from mainstay.core import webhooks
from mainstay.core.http import OutgoingError
from mainstay.respond.paging.message import DeliveryError, Message

NAME = "webhook"
LABEL = "Webhook"
HINT = "An http or https address. Requests are signed; private addresses must be allowed in the settings."
mask = webhooks.mask


def check(address: str) -> None:
    """Raise ``ValueError`` when it is not an address that can be posted to."""
    if not address.startswith(("https://", "http://")):
        raise ValueError("a webhook address starts with https:// or http://")


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
    try:
        return webhooks.post(address, body, key)
    except OutgoingError as error:
        raise DeliveryError(str(error), permanent=error.permanent) from error
