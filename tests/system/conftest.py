"""A running installation for the tests that need real processes."""

from collections.abc import Iterator

import pytest

from mainstay.faces.bench.installation import Installation, MailServer, installation

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


@pytest.fixture(scope="session")
def live() -> Iterator[tuple[Installation, MailServer]]:
    """One installation for all tests that leave it usable behind."""
    with installation(CONFIGURATION, {"RULE_INTERVAL": "1", "SCRAPE_INTERVAL": "1"}) as (here, server):
        here.up()
        yield here, server


@pytest.fixture(scope="session")
def taking() -> Iterator[Installation]:
    """One installation that takes logs in every way there is."""
    with installation(CONFIGURATION, {}) as (here, _):
        here.up()
        yield here
