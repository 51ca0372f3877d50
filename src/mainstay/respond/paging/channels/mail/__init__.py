"""Mail over SMTP."""

import contextlib
import smtplib
import ssl
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr

from mainstay.core import clock
from mainstay.core.settings import current
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
    conf = current()
    mail = EmailMessage()
    mail["From"] = conf.smtp_from
    mail["To"] = address or message.person_email
    mail["Subject"] = " ".join(message.subject.split())
    mail["Date"] = formatdate(clock.now().timestamp())
    mail["Message-ID"] = f"<{key}@{parseaddr(conf.smtp_from)[1].partition('@')[2] or 'mainstay'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Priority"] = "1" if message.priority <= 2 else "3"
    mail.set_content(message.text)
    return mail


def send(message: Message, address: str, key: str) -> str:
    """Hand the page to the mail server and return what it said."""
    conf = current()
    if not conf.smtp_host:
        raise DeliveryError("no mail server is set (smtp_host)", permanent=True)
    mail = build(message, address, key)
    context = ssl.create_default_context()
    try:
        if conf.smtp_security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                conf.smtp_host, conf.smtp_port, timeout=conf.send_timeout, context=context
            )
        else:
            server = smtplib.SMTP(conf.smtp_host, conf.smtp_port, timeout=conf.send_timeout)
        try:
            if conf.smtp_security == "starttls":
                server.starttls(context=context)
            if conf.smtp_user:
                server.login(conf.smtp_user, conf.smtp_password)
            server.ehlo_or_helo_if_needed()
            server.mail(parseaddr(conf.smtp_from)[1])
            code, said = server.rcpt(parseaddr(mail["To"])[1])
            if code not in {250, 251}:
                raise smtplib.SMTPResponseException(code, said)
            code, said = server.data(mail.as_bytes(policy=SMTP))
            if code != 250:
                raise smtplib.SMTPResponseException(code, said)
        finally:
            # The mail is taken or refused by now. To wait for the answer to the goodbye would only make the moment
            # longer in which it is taken and nobody has noted it.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.putcmd("quit")
            server.close()
    except smtplib.SMTPResponseException as error:
        said_text = _text(error.smtp_error)
        raise DeliveryError(f"{error.smtp_code} {said_text}", permanent=500 <= error.smtp_code < 600) from error
    except (OSError, smtplib.SMTPException) as error:
        raise DeliveryError(f"{conf.smtp_host}: {error}", permanent=False) from error
    return f"{code} {_text(said)}"


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
