"""Mail over SMTP."""

from email.message import EmailMessage
from email.utils import parseaddr

from mainstay.core import smtp
from mainstay.respond.paging.message import DeliveryError, Message

NAME = "mail"
LABEL = "Mail"
HINT = "A mail address. Empty takes the person's own."


def check(address: str) -> None:
    """Raise ``ValueError`` when mail cannot be sent there."""
    if address and ("@" not in parseaddr(address)[1] or any(sign in address for sign in "\r\n")):
        raise ValueError(f"{address!r} is not a mail address")


def mask(address: str) -> str:
    """A mail address is shown as it is."""
    return address


def build(message: Message, address: str, key: str) -> EmailMessage:
    """The mail. Its Message-ID is the idempotency key, so that a repeat is recognised as the same mail."""
    mail = smtp.compose(address or message.person_email, message.subject, message.text, key)
    mail["X-Priority"] = "1" if message.priority <= 2 else "3"
    return mail


def send(message: Message, address: str, key: str) -> str:
    """Hand the page to the mail server and return what it said."""
    try:
        return smtp.hand_over(build(message, address, key))
    except smtp.MailError as error:
        raise DeliveryError(str(error), permanent=error.permanent) from error
