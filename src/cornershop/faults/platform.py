"""Faults of releases and of the platform: memory-leak, bad-release, certificate-expiry."""

import difflib
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cornershop import certs, releases
from cornershop.faults.base import Fault, Scene, config_is, set_config
from cornershop.layout import BAD_VERSION, GOOD_VERSION, Shop
from cornershop.supervisor import restart

SHORT_LIFE = timedelta(hours=36)


def memory_leak(scene: Scene) -> None:
    """Switch a feature of the storefront on that keeps pages and never forgets one."""
    set_config(scene.shop, "storefront", keep_visitor_pages=True)


def heal_memory_leak(scene: Scene) -> str:
    """Switch it off and restart the storefront, which alone gives the memory back."""
    set_config(scene.shop, "storefront", keep_visitor_pages=False)
    restart(scene.shop, "storefront")
    return ""


def bad_release(scene: Scene) -> None:
    """Deploy 4.1.8 of stock."""
    _deploy(scene, GOOD_VERSION, BAD_VERSION, "deploy")


def heal_bad_release(scene: Scene) -> str:
    """Roll back to 4.1.7."""
    if config_is(scene.shop, "releases", "stock", BAD_VERSION):
        _deploy(scene, BAD_VERSION, GOOD_VERSION, "roll back")
    return ""


def _deploy(scene: Scene, old: str, new: str, verb: str) -> None:
    set_config(scene.shop, "releases", stock=new)
    restart(scene.shop, "stock")
    before, after = (_source(version) for version in (old, new))
    diff = "".join(difflib.unified_diff(before, after, "a/stock/pricing.py", "b/stock/pricing.py"))
    scene.changes.report("deploy", "stock", f"{verb} stock {old} -> {new}", diff=diff, version=new)


def _source(version: str) -> list[str]:
    path = Path(releases.__file__).parent / f"stock_{version.replace('.', '_')}.py"
    return path.read_text().splitlines(keepends=True)


def certificate_expiry(scene: Scene) -> None:
    """Rotate the storefront's certificate to one that lasts 36 hours."""
    _rotate(scene, SHORT_LIFE)


def heal_certificate_expiry(scene: Scene) -> str:
    """Rotate it to one that lasts 90 days."""
    _rotate(scene, certs.USUAL_LIFE)
    return ""


def _rotate(scene: Scene, life: timedelta) -> None:
    expires = certs.issue(scene.shop.certificate, life)
    summary = f"certificate of shop.cornershop.example rotated, expires {expires:%Y-%m-%d %H:%M} UTC"
    scene.changes.report("certificate", "storefront", summary, by="cert-bot")


def _expires_soon(shop: Shop) -> bool:
    return shop.certificate.exists() and certs.expiry(shop.certificate) - datetime.now(UTC) <= SHORT_LIFE


MEMORY_LEAK = Fault(
    name="memory-leak",
    summary="A feature of the storefront keeps every page it renders, about 5 MB/s up to 300 MB.",
    service="storefront",
    metric="process_resident_memory_bytes",
    log_line="none: leaks are silent",
    business_effect="None yet; in the end the machine runs out of memory and the shop goes down.",
    workaround="Set keep_visitor_pages in config/storefront.json to false and restart storefront.",
    break_it=memory_leak,
    heal=heal_memory_leak,
    is_active=lambda shop: config_is(shop, "storefront", "keep_visitor_pages", True),
)
BAD_RELEASE = Fault(
    name="bad-release",
    summary=f"Stock {BAD_VERSION} fails for products whose discount has no last day.",
    service="stock",
    metric='http_requests_total{path="/products/{sku}",status="500"} of stock, build_info{version}',
    log_line="stock: unhandled TypeError in GET /products/SKU-1006, with a traceback",
    business_effect="The pages of three discounted products answer 502.",
    workaround=f"Roll stock back to {GOOD_VERSION} (config/releases.json, then restart stock).",
    break_it=bad_release,
    heal=heal_bad_release,
    is_active=lambda shop: config_is(shop, "releases", "stock", BAD_VERSION),
)
CERTIFICATE_EXPIRY = Fault(
    name="certificate-expiry",
    summary="The storefront's certificate is replaced by one that expires in 36 hours.",
    service="storefront",
    metric="tls_certificate_expiry_timestamp_seconds",
    log_line='storefront-error: certificate "..." loaded, expires ... in 36 h',
    business_effect="None yet; in 36 hours no browser opens the shop.",
    workaround="Rotate the certificate: write a new PEM to tls/storefront.pem; it is taken up within a second.",
    break_it=certificate_expiry,
    heal=heal_certificate_expiry,
    is_active=_expires_soon,
)
