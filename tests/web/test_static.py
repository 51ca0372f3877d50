"""Built files: served whole, small and for ever; nothing else is."""

import asyncio
import gzip
from typing import Any

import pytest

from mainstay.faces.web import assets
from mainstay.faces.web.static import StaticFiles


@pytest.fixture(autouse=True)
def built(monkeypatch: pytest.MonkeyPatch) -> None:
    style = assets.Asset(b"a{}" * 50, gzip.compress(b"a{}" * 50), "text/css; charset=utf-8", '"abc"')
    monkeypatch.setattr(assets, "files", lambda: {"app-X.css": style})


def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    """One request to the ASGI application."""
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": method, "path": path, "headers": named}
    asyncio.run(StaticFiles()(scope, None, send))
    answered = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], answered, sent[1]["body"]


def test_a_file_is_sent_packed_and_kept_for_ever() -> None:
    status, headers, body = ask("/static/app-X.css", accept_encoding="gzip, br")
    assert (status, headers["content-type"], headers["content-encoding"]) == (200, "text/css; charset=utf-8", "gzip")
    assert "immutable" in headers["cache-control"]
    assert gzip.decompress(body) == b"a{}" * 50
    assert ask("/static/app-X.css")[2] == b"a{}" * 50
    assert ask("/static/app-X.css", "HEAD")[2] == b""
    assert ask("/static/app-X.css", if_none_match='"abc"')[0] == 304
    assert ask("/static/app-X.css", "POST")[0] == 405


@pytest.mark.parametrize(
    "path", ["/static/", "/static/../middleware.py", "/static/..%2fmiddleware.py", "/static//etc/passwd"]
)
def test_nothing_else_is_served(path: str) -> None:
    assert ask(path)[0] == 404
