"""A mail server that keeps what it gets, and a page to read it: the demo's stand-in for people's mailboxes."""

import asyncio
import email
import email.policy
import html
import signal
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import uvicorn
from aiosmtpd.controller import Controller

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:1rem;color-scheme:light dark}"
    "article{border:1px solid #8886;border-radius:6px;padding:1rem;margin:1rem 0}"
    "pre{white-space:pre-wrap;font:inherit;overflow-wrap:anywhere;margin:0}h2{font-size:1rem;margin:0 0 .5rem}"
    "a{display:inline-block;padding:.6rem 0}"
)


_EMPTY = "<p>No mail yet. Break something: <code>mainstay demo break payment-timeouts</code></p>"


class Mailbox:
    """Keeps each mail as a file, so that tests and people can look."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep one mail. aiosmtpd calls this."""
        del server, session
        number = len(list(self._directory.glob("*.eml"))) + 1
        part = self._directory / f"{number:05d}.part"
        part.write_bytes(envelope.content)
        part.rename(part.with_suffix(".eml"))
        return f"250 kept as {number}"

    def mails(self) -> list[EmailMessage]:
        """All mails, newest first."""
        paths = sorted(self._directory.glob("*.eml"), reverse=True)
        return [email.message_from_bytes(path.read_bytes(), policy=email.policy.default) for path in paths]

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Show the mails, as an ASGI application."""
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        body = self._page().encode()
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
            (b"refresh", b"5"),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    def _page(self) -> str:
        mails = "".join(_article(mail) for mail in self.mails()[:50])
        return (
            '<!doctype html><html lang="en"><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width"><title>Mailbox of the demo</title>'
            f"<style>{_STYLE}</style><main><h1>Mailbox of the demo</h1>"
            f"{mails or _EMPTY}</main></html>"
        )


def _article(mail: EmailMessage) -> str:
    body = mail.get_content() if not mail.is_multipart() else ""
    shown, link = [], ""
    for line in body.splitlines():
        if line.startswith("Acknowledge: http"):
            address = html.escape(line.removeprefix("Acknowledge: ").strip(), quote=True)
            link = f'<a href="{address}" rel="noreferrer">Open the link of the page to acknowledge</a>'
        else:
            shown.append(html.escape(line))
    head = f"<h2>To {html.escape(str(mail['To']))}, {html.escape(str(mail['Date']))}</h2>"
    return f"<article>{head}<pre>{chr(10).join(shown).strip()}</pre>{link}</article>"


def main(directory: Path, smtp_port: int, http_port: int) -> None:
    """Serve until SIGTERM."""
    box = Mailbox(directory)
    controller = Controller(box, hostname="127.0.0.1", port=smtp_port)
    controller.start()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    config = uvicorn.Config(
        box, host="127.0.0.1", port=http_port, log_level="warning", access_log=False, lifespan="off"
    )
    try:
        asyncio.run(uvicorn.Server(config).serve())
    finally:
        controller.stop()
