"""Mails: put together, and handed to the mail server of the settings."""

import contextlib
import smtplib
import ssl
from collections.abc import Iterator
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, parseaddr

from mainstay.core import clock
from mainstay.core.settings import current


class MailError(Exception):
    """A mail was not taken. ``permanent`` says that trying again as it is cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


def compose(to: str, subject: str, text: str, key: str) -> EmailMessage:
    """A mail. Its Message-ID is the idempotency key, so that a repeat is recognised as the same mail."""
    conf = current()
    mail = EmailMessage()
    mail["From"] = conf.smtp_from
    mail["To"] = to
    mail["Subject"] = " ".join(subject.split())
    mail["Date"] = formatdate(clock.now().timestamp())
    mail["Message-ID"] = f"<{key}@{parseaddr(conf.smtp_from)[1].partition('@')[2] or 'mainstay'}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(text)
    return mail


def hand_over(mail: EmailMessage) -> str:
    """Give a mail to the server and return what it said. Raises ``MailError``."""
    conf = current()
    if not conf.smtp_host:
        raise MailError("no mail server is set (smtp_host)", permanent=True)
    try:
        with _connected() as server:
            server.ehlo_or_helo_if_needed()
            server.mail(parseaddr(conf.smtp_from)[1])
            code, said = server.rcpt(parseaddr(mail["To"])[1])
            if code not in {250, 251}:
                raise smtplib.SMTPResponseException(code, said)
            code, said = server.data(mail.as_bytes(policy=SMTP))
            if code != 250:
                raise smtplib.SMTPResponseException(code, said)
    except smtplib.SMTPResponseException as error:
        said_text = _text(error.smtp_error)
        raise MailError(f"{error.smtp_code} {said_text}", permanent=500 <= error.smtp_code < 600) from error
    except (OSError, smtplib.SMTPException) as error:
        raise MailError(f"{conf.smtp_host}: {error}", permanent=False) from error
    return f"{code} {_text(said)}"


@contextlib.contextmanager
def _connected() -> Iterator[smtplib.SMTP]:
    """The mail server, greeted and signed in."""
    conf, context = current(), ssl.create_default_context()
    where = (conf.smtp_host, conf.smtp_port)
    if conf.smtp_security == "tls":
        server: smtplib.SMTP = smtplib.SMTP_SSL(*where, timeout=conf.send_timeout, context=context)
    else:
        server = smtplib.SMTP(*where, timeout=conf.send_timeout)
    try:
        if conf.smtp_security == "starttls":
            server.starttls(context=context)
        if conf.smtp_user:
            server.login(conf.smtp_user, conf.smtp_password)
        yield server
    finally:
        # The mail is taken or refused by now. To wait for the answer to the goodbye would only make the moment
        # longer in which it is taken and nobody has noted it.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            server.putcmd("quit")
        server.close()


def _text(said: bytes | str) -> str:
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else said
