"""Chat, push and SMS services through Apprise."""

import logging

from mainstay.core import http
from mainstay.respond.paging.message import DeliveryError, Message

NAME = "apprise"
LABEL = "Chat, push or SMS (Apprise)"
HINT = "An Apprise address such as slack://…, ntfys://…, tgram://… or twilio://…"

# Schemes that make Apprise run programs, touch this machine or post anywhere; webhooks have a guarded channel.
_REFUSED = {
    "dbus",
    "qt",
    "glib",
    "kde",
    "gnome",
    "macosx",
    "windows",
    "syslog",
    "file",
    "json",
    "jsons",
    "xml",
    "xmls",
    "form",
    "forms",
    "mailto",
    "mailtos",
}


def check(address: str) -> None:
    """Raise ``ValueError`` when Apprise does not know the address, or it is not one to page people by."""
    import apprise

    scheme = address.partition("://")[0].lower()
    if scheme in _REFUSED:
        raise ValueError(f"{scheme}:// is not taken here; use the channels mail or webhook")
    if apprise.Apprise.instantiate(address, suppress_exceptions=True) is None:
        raise ValueError("Apprise does not know this address; see its list of services for how to write it")


def mask(address: str) -> str:
    """The service alone: the rest of the address is its secret."""
    return f"{address.partition('://')[0]}://…"


def _guard(address: str) -> None:
    """Services on a host that the address names (ntfy, Gotify, Matrix, …) must not be on a private network.

    Other services have a part of their secret where a host would stand, which nobody's name server need see.
    """
    import apprise

    service = apprise.Apprise.instantiate(address, suppress_exceptions=True)
    host = getattr(service, "host", None) or ""
    own_host = any("{host}" in str(template) for template in getattr(service, "templates", ()))
    if not host or not own_host:
        return
    try:
        http.resolve(host.strip("[]"), 443)
    except http.OutgoingError as error:
        raise DeliveryError(str(error), permanent=error.permanent) from error


def send(message: Message, address: str, key: str) -> str:
    """Hand the page to the service."""
    import apprise

    del key
    _guard(address)
    sender = apprise.Apprise()
    if not sender.add(address):
        raise DeliveryError("Apprise does not know this address", permanent=True)
    with apprise.LogCapture(level=logging.WARNING) as said:  # type: ignore[no-untyped-call]
        taken = sender.notify(title=message.subject, body=message.text)
        reason = said.getvalue().strip().splitlines()
    if not taken:
        # What Apprise logs may hold the address, so only its kind of failure is kept.
        raise DeliveryError(
            "the service did not take it" + (f" ({len(reason)} warnings)" if reason else ""), permanent=False
        )
    return "accepted by the service"
