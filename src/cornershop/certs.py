"""The storefront's certificate: a real self-signed one, made on the spot."""

import ipaddress
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

USUAL_LIFE = timedelta(days=90)


def issue(path: Path, life: timedelta = USUAL_LIFE) -> datetime:
    """Write a new key and certificate for localhost to `path` in one step; returns when it expires."""
    now = datetime.now(UTC).replace(microsecond=0)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "shop.cornershop.example")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=5))
        .not_valid_after(now + life)
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.touch(mode=0o600)
    temporary.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    temporary.replace(path)
    return now + life


def expiry(path: Path) -> datetime:
    """When the certificate in a PEM file expires, in UTC."""
    return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
