"""Calls to addresses that people configure: guarded, bounded, and typed in how they fail.

Names are resolved once and the connection goes to the very address that was judged, so that a name cannot point
elsewhere between the check and the call (DNS rebinding). Redirects are not followed.
"""

import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import urllib3
from urllib3.exceptions import HTTPError

from mainstay.core.settings import current


class OutgoingError(Exception):
    """A call did not succeed. ``permanent`` says that trying again as it is cannot help."""

    def __init__(self, reason: str, *, permanent: bool) -> None:
        super().__init__(reason)
        self.permanent = permanent


@dataclass(frozen=True)
class Answer:
    """What came back: the status, the body up to the limit that was asked for, and every line of the header."""

    status: int
    body: bytes
    content_type: str
    headers: tuple[tuple[str, str], ...] = ()


def allowed_address(address: str, allowed: tuple[str, ...]) -> bool:
    """Whether an outgoing call may go to this IP address: public ones, and private ones that a setting names."""
    ip = ipaddress.ip_address(address)
    mapped = getattr(ip, "ipv4_mapped", None)
    ip = mapped or ip
    if any(ip in ipaddress.ip_network(network, strict=False) for network in allowed):
        return True
    return ip.is_global and not ip.is_multicast


def resolve(host: str, port: int) -> str:
    """The address of a host that may be called, or ``OutgoingError`` with the remedy."""
    try:
        found = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    except OSError as error:
        raise OutgoingError(f"cannot find {host}: {error}", permanent=False) from error
    allowed = current().outgoing_private
    for address in found:
        if allowed_address(str(address), allowed):
            return str(address)
    raise OutgoingError(
        f"{host} is at {found[0]}, a private address; name it in the setting outgoing_private to allow it",
        permanent=True,
    )


def connect(host: str, port: int, timeout: float) -> socket.socket:
    """A connection to a port that may be called. Raises ``OutgoingError``."""
    address = resolve(host, port)
    try:
        return socket.create_connection((address, port), timeout)
    except OSError as error:
        raise OutgoingError(f"{host}:{port}: {error}", permanent=False) from error


def call(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float,
    max_bytes: int = 65_536,
    cut: bool = False,
) -> Answer:
    """One HTTP request. An answer longer than ``max_bytes`` is an error, or cut there when ``cut`` says so.

    Raises ``OutgoingError``; an answer of any status is an answer."""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise OutgoingError(f"{parts.scheme or 'no scheme'}: write an http or https address", permanent=True)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    address = resolve(parts.hostname, port)
    sent = {"User-Agent": "Mainstay", **(headers or {}), "Host": parts.netloc.rpartition("@")[2]}
    target = parts.path or "/"
    target += f"?{parts.query}" if parts.query else ""
    limit = urllib3.Timeout(total=timeout)
    pool: urllib3.HTTPConnectionPool
    if parts.scheme == "https":
        pool = urllib3.HTTPSConnectionPool(
            address, port, server_hostname=parts.hostname, assert_hostname=parts.hostname, timeout=limit, retries=False
        )
    else:
        pool = urllib3.HTTPConnectionPool(address, port, timeout=limit, retries=False)
    with pool:
        try:
            answer = pool.urlopen(
                method, target, body=body, headers=sent, preload_content=False, redirect=False, decode_content=True
            )
            data = answer.read(max_bytes + 1)
            answer.release_conn()
        except HTTPError as error:
            raise OutgoingError(f"{parts.hostname}: {error}", permanent=False) from error
    if len(data) > max_bytes and not cut:
        raise OutgoingError(f"{parts.hostname} answered more than {max_bytes} bytes", permanent=False)
    lines = tuple(answer.headers.iteritems())
    return Answer(answer.status, data[:max_bytes], answer.headers.get("Content-Type", ""), lines)
