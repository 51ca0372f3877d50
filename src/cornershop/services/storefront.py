"""The storefront: pages for people. Asks stock for products, hands checkouts to orders; HTTP and HTTPS."""

import logging
import ssl
from pathlib import Path

from prometheus_client import Gauge

from cornershop import certs, logs
from cornershop.client import Answer, CallFailedError, CallTimeoutError, Peer
from cornershop.config import LiveConfig
from cornershop.layout import CONFIG_DEFAULTS, Shop, read_json
from cornershop.metrics import expose_config
from cornershop.process import Process
from cornershop.web import App, AppServer, HttpError, Reply, Request, Route, reply

CERTIFICATE_EXPIRY = Gauge(
    "tls_certificate_expiry_timestamp_seconds", "When the served certificate expires, in Unix time."
)
PAGE = """<!doctype html><html lang="en"><head><title>{title} - Corner Shop</title></head>
<body><h1>{title}</h1>{main}<footer>Corner Shop, since 1987</footer></body></html>"""
PICTURE = b"<img alt='' src='data:image/png;base64," + b"iVBORw0KGgo" * 4_000 + b"'>"
PICTURES_PER_PAGE = 24


class Pages:
    """Renders pages; on request keeps each visitor's last pages so that the back button is instant."""

    def __init__(self, config: LiveConfig) -> None:
        self._config = config
        self._kept: dict[str, bytes] = {}
        self._kept_bytes = 0

    def html(self, request: Request, title: str, main: str) -> Reply:
        """A page, the kept one if there is one."""
        page = PAGE.format(title=title, main=main).encode()
        if self._config["keep_visitor_pages"]:
            page = self._kept_page(request, page)
        return Reply(200, page, "text/html; charset=utf-8")

    def _kept_page(self, request: Request, page: bytes) -> bytes:
        # The mistake that is in here for the demonstration: the key holds the trace, which is new with each request,
        # so nothing is ever found again, and nothing is ever evicted. Kept pages carry their pictures inline.
        key = f"{request.user} {request.path} {logs.trace_id.get()}"
        if key in self._kept:
            return self._kept[key]
        if self._kept_bytes < self._config["keep_visitor_pages_max_mb"] * 1_000_000:
            self._kept[key] = page + PICTURE * PICTURES_PER_PAGE
            self._kept_bytes += len(self._kept[key])
        return page


class Certificate:
    """The TLS certificate in use: a new file is taken up for new connections, as after a rotation."""

    def __init__(self, path: Path, log: logging.Logger) -> None:
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._path = path
        self._log = log
        self._seen = 0
        self.refresh()

    def refresh(self) -> None:
        """Load the file if it changed since the last time."""
        seen = self._path.stat().st_mtime_ns
        if seen == self._seen:
            return
        self.context.load_cert_chain(self._path)
        expires = certs.expiry(self._path)
        CERTIFICATE_EXPIRY.set(expires.timestamp())
        self._seen = seen
        hours = (expires.timestamp() - self._path.stat().st_mtime) / 3600
        level = logging.WARNING if hours < 24 * 14 else logging.INFO
        about = f'certificate "{self._path}" loaded, expires {expires:%Y-%m-%d %H:%M} UTC in {hours:.0f} h'
        logs.write(self._log, level, about)


class Storefront:
    """The handlers."""

    def __init__(self, shop: Shop, config: LiveConfig, log: logging.Logger) -> None:
        self._log = log
        self._pages = Pages(config)
        self._stock = Peer("stock", shop.port("stock"), 5.0, "storefront")
        self._orders = Peer("orders", shop.port("orders"), 10.0, "storefront")

    def home(self, request: Request) -> Reply:
        """The list of products."""
        products = self._upstream(self._stock, "GET", "/products", request).body["items"]
        items = "".join(f'<li><a href="/product/{p["sku"]}">{p["name"]}</a> {p["price"]}</li>' for p in products)
        return self._pages.html(request, "Today in the shop", f"<ul>{items}</ul>")

    def product(self, request: Request) -> Reply:
        """One product."""
        answer = self._upstream(self._stock, "GET", f"/products/{request.parameters['sku']}", request)
        if answer.status == 404:
            raise HttpError(404, "no such product")
        p = answer.body
        return self._pages.html(
            request, p["name"], f"<p>{p['price']} {p['label']}</p><p>{p['description']}</p><p>{p['quantity']} left</p>"
        )

    def checkout(self, request: Request) -> Reply:
        """Place the order; the customer sees what came of it."""
        answer = self._upstream(self._orders, "POST", "/orders", request)
        return reply(answer.body, answer.status)

    def _upstream(self, peer: Peer, method: str, path: str, request: Request) -> Answer:
        about = {"client": "127.0.0.1", "request": f'"{request.method} {request.path}"', "upstream": peer.name}
        try:
            answer = peer.get(path) if method == "GET" else peer.post(path, request.body)
        except CallTimeoutError as failure:
            logs.error(self._log, "upstream timed out while reading response header", **about)
            raise HttpError(504, f"{peer.name} does not answer") from failure
        except CallFailedError as failure:
            logs.error(self._log, f"connect() failed to upstream: {failure}", **about)
            raise HttpError(502, f"{peer.name} is not available") from failure
        if answer.status >= 500:
            reason = answer.body.get("error", "no reason given")
            logs.error(self._log, f"upstream answered {answer.status}: {reason}", **about)
            raise HttpError(504 if answer.status == 504 else 502, f"{peer.name} answered {answer.status}")
        return answer


def run(shop: Shop) -> None:
    """Serve until SIGTERM."""
    access_log = logs.open_log("storefront", shop.log("storefront"), "nginx")
    log = logs.open_log("storefront", shop.log("storefront-error"), "nginx-error")
    process = Process(log)
    config = LiveConfig(shop.config_path("storefront"), CONFIG_DEFAULTS["storefront"])
    version = str(read_json(shop.config_path("releases"))["storefront"])
    expose_config(config, version)
    if not shop.certificate.exists():
        certs.issue(shop.certificate)
    certificate = Certificate(shop.certificate, log)
    process.every(1.0, certificate.refresh)

    def access(request: Request, status: int, size: int, seconds: float) -> None:
        logs.info(
            access_log,
            "",
            user=request.user,
            request=f"{request.method} {request.path} HTTP/1.1",
            status=status,
            size=size,
            agent=request.agent,
            seconds=seconds,
        )

    pages = Storefront(shop, config, log)
    routes = [
        Route("GET", "/", pages.home),
        Route("GET", "/product/{sku}", pages.product),
        Route("POST", "/checkout", pages.checkout),
    ]
    app = App("storefront", version, log, routes, access)
    logs.info(log, f"storefront {version} started")
    process.serve(AppServer(app, shop.port("storefront")), AppServer(app, shop.tls_port, certificate.context))
