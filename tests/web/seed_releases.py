"""Releases: one that failed with its evidence, one that is being rolled out, one that was rolled back."""


def releases() -> None:
    """Three releases as they stand on screens, of services that no freeze of the calendar covers."""
    from mainstay.change.releases import services
    from mainstay.change.releases.models import Release
    from mainstay.change.releases.services import Wanted
    from mainstay.core import access, clock
    from mainstay.core.models import Person

    ana = access.of_person(Person.objects.get(email="ana@example.com"))
    failed = services.start(
        ana, Wanted("storefront", "4.1.8", "4.1.7", "Discounts without a last day", ticket="CHG-118")
    )
    services.finish(ana, failed.pk)
    metric = 'http_requests_total{method="GET",path="/products/{sku}",status="500"} per request'
    base = {"service": "storefront", "kind": "errors", "effect": None, "delta": 1.0, "confidence": 0.9999}
    rows = (
        ("*", metric, "failed", "errors that were not there before", 0.0, 0.061),
        ("storefront-2", "cart_seconds", "inconclusive", "too little data", None, None),
        ("*", "http_request_duration_seconds", "passed", "no harm seen", 0.0121, 0.0119),
    )
    findings = [
        {**base, "instance": i, "metric": m, "verdict": v, "reason": r, "before": b, "after": a}
        for i, m, v, r, b, a in rows
    ]
    Release.objects.filter(pk=failed.pk).update(
        state="failed",
        verdict="failed",
        reason=f"storefront: {metric}: errors that were not there before",
        confidence=0.9999,
        judged_at=clock.now(),
        findings=findings,
        evidence=[
            {"what": "alerts", "verdict": "passed", "said": "none fires that began with the release", "link": ""},
            {
                "what": "batch ledger",
                "verdict": "inconclusive",
                "said": "awaited until 06:00",
                "link": "/releases/plans/shop",
            },
            {"what": "check shop-front", "verdict": "failed", "said": "502 from /", "link": "/checks/shop-front"},
        ],
        counts={"failed": 1, "inconclusive": 1, "passed": 1},
    )
    plan()
    services.start(ana, Wanted("wiki", "4.2.0", link="https://ci.example.com/runs/812"))
    back = services.start(ana, Wanted("storefront", "4.1.6"))
    services.roll_back(ana, back.pk, "It cannot read the catalogue.")


def plan() -> None:
    """A plan of the storefront with steps of several kinds."""
    from mainstay.config import read
    from mainstay.config import services as config
    from mainstay.core import access

    config.apply(access.LOCAL, read.read([("release-plans.yaml", PLAN)]))


PLAN = """
release_plans:
  - key: shop
    name: The shop sells
    service: storefront
    steps:
      - key: order
        name: An order is paid
        why: It is what customers come for.
        http: {requests: [{url: "https://shop.example/orders", headers: {Authorization: "Bearer ${secret:shop}"}}]}
      - {key: certificate, tls: {host: shop.example, days: 20}}
      - {key: queue, metric: {expr: max(fulfilment_queue_depth), want: "<= 100"}}
      - {key: ledger, batch: {log: "service:settlement settled", by: "06:00", timezone: Europe/Berlin}}
"""
