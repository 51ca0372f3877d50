"""A running installation for the tests that need real processes."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from mainstay.faces.bench.installation import Installation, MailServer, free_port, installation

CONFIGURATION = """
people:
  - {email: ana@bench.example, name: Ana, role: admin, contact: [{channel: mail}, {channel: web}]}
  - {email: ben@bench.example, name: Ben, role: responder, contact: [{channel: mail}]}
services:
  - {key: front, name: Front, tier: 1, depends_on: [pay]}
  - {key: pay, name: Pay, tier: 1}
business_processes:
  - {key: checkout, name: Checkout, importance: high, services: [front]}
escalation_policies:
  - key: main
    name: Main
    default: true
    repeat: 0
    steps:
      - {people: [ana@bench.example], wait: 1h}
      - {people: [ben@bench.example], wait: 1h}
rules:
  - key: too-hot
    service: pay
    urgency: high
    expr: max by (room) (temperature_celsius) > 30
    annotations: {summary: 'Room {{ $labels.room }} is too hot'}
"""


@pytest.fixture(scope="package")
def live() -> Iterator[tuple[Installation, MailServer]]:
    """One installation for all tests that leave it usable behind."""
    with installation(CONFIGURATION, {"RULE_INTERVAL": "1", "SCRAPE_INTERVAL": "1"}) as (here, server):
        here.up()
        yield here, server


@dataclass(frozen=True)
class Taking:
    """An installation that takes logs in every way there is: its ports by the name of their setting."""

    here: Installation
    ports: dict[str, str]
    certificate: Path


LISTENING = (
    *("SYSLOG_UDP", "SYSLOG_TCP", "SYSLOG_TLS", "GELF_UDP", "GELF_TCP", "GELF_TLS"),
    *("FORWARD", "FORWARD_TLS", "OTLP_GRPC", "OTLP_GRPC_TLS"),
)


@pytest.fixture(scope="package")
def taking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Taking]:
    """One installation for all senders of logs."""
    ports = {name: str(free_port()) for name in LISTENING}
    certificate, key = certificate_for_localhost(tmp_path_factory.mktemp("tls"))
    settings = {f"{name}_LISTEN": f"127.0.0.1:{port}" for name, port in ports.items()}
    with installation(CONFIGURATION, {**settings, "INTAKE_TLS_CERT": str(certificate), "INTAKE_TLS_KEY": str(key)}) as (
        here,
        _,
    ):
        here.up()
        yield Taking(here, ports, certificate)


def certificate_for_localhost(place: Path) -> tuple[Path, Path]:
    """A certificate that is its own authority, and its key."""
    certificate, key = place / "cert.pem", place / "key.pem"
    own = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, own.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(own, hashes.SHA256())
    )
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    no_password = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    key.write_bytes(own.private_bytes(serialization.Encoding.PEM, form, no_password))
    return certificate, key
