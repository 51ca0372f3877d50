"""A notification in the person's open browser, through the feed."""

from mainstay.core import feed
from mainstay.respond.paging.message import Message

NAME = "web"
LABEL = "Web notification"
HINT = "Shown in the browser while Mainstay is open. Takes no address."


def check(address: str) -> None:
    """Raise ``ValueError`` when an address is given, because there is none."""
    if address:
        raise ValueError("a web notification takes no address")


def mask(address: str) -> str:
    """There is no address."""
    return address


def send(message: Message, address: str, key: str) -> str:
    """Put the page on the person's open screens."""
    del address
    feed.tell(
        "page", message.incident, person_id=message.person_id, key=key, subject=message.subject, link=message.link
    )
    return "shown to the person's open browsers"
