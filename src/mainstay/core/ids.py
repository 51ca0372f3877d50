"""Identifiers: sortable unique ids, secrets and their stored form."""

import hashlib
import hmac
import json
import os
import secrets
import time
from collections.abc import Mapping

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def new_id() -> str:
    """A unique id of 26 characters that sorts by the time it was made (the layout of a ULID, in lower case)."""
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    return "".join(_ALPHABET[(value >> shift) & 31] for shift in range(125, -1, -5))


def new_secret(prefix: str) -> str:
    """A random secret of 256 bits with a prefix by which people and scanners know what it is."""
    return f"{prefix}_{secrets.token_urlsafe(32)}"


def digest(secret: str) -> str:
    """What is stored of a random secret. It has full entropy, so a plain SHA-256 is enough."""
    return hashlib.sha256(secret.encode()).hexdigest()


def same(left: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(left.encode(), right.encode())


def fingerprint(labels: Mapping[str, str]) -> str:
    """The identity of an alert: its labels and nothing else, as in Alertmanager. 32 hex digits."""
    body = json.dumps(sorted(labels.items()), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(body.encode("utf-8", "surrogatepass")).hexdigest()[:32]
