"""What was said of the open P1: two services, one change, and what speaks against them."""


def diagnosis() -> None:
    """One finding, as the worker keeps it."""
    from mainstay.core import clock
    from mainstay.learn.diagnosis.models import Finding
    from mainstay.respond.incidents.models import Incident

    lines = "says for the first time: provider timeout after 35 ms, order 77123 of a customer with a very-long-name"
    signs = [
        {
            "symptom": "slow",
            "source": "logs",
            "text": lines,
            "weight": 3.1,
            "query": 'service:payments "timeout after"',
        },
        {
            "symptom": "failing",
            "source": "metrics",
            "text": 'payments_charges_total{outcome="timeout"} 0 → 3.21',
            "weight": 2.2,
            "query": 'payments_charges_total{outcome="timeout"}{service="payments"}',
        },
    ]
    base = {"evidence": signs, "against": [], "refute": signs[0]["query"]}
    services = [
        {
            **base,
            "kind": "service",
            "name": "payments",
            "confidence": 0.81,
            "path": ["storefront", "orders", "payments"],
        },
        {**base, "kind": "service", "name": "orders", "confidence": 0.12, "path": ["storefront", "orders"]},
    ]
    services[1]["against"] = ["payments, which it calls, explains 93% of it"]
    services[1]["evidence"] = []
    change = {**base, "kind": "change", "name": "chg-84d1cfc70bbd", "confidence": 0.47, "path": ["payments"]}
    change["reason"] = (
        'changes a number: "provider_timeout_ms": 2000 → "provider_timeout_ms": 35; it was made where the trouble is'
    )
    for one in services:
        one["reason"] = f"{one['name']}: {lines}"
    said = {
        "services": services,
        "changes": [change],
        "reason": services[0]["reason"],
        "changes_reason": "3 other changes are less likely.",
        "missing": ["spans"],
    }
    incident = Incident.objects.order_by("pk")[4]
    Finding.objects.create(incident=incident, at=clock.now(), said=said, digest="0" * 64, seconds=1.8)
