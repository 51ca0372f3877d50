"""Send to intake as a server would, and look at what it wrote to disk."""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from mainstay.observe.intake import app as intake_app
from mainstay.observe.telemetry import services as telemetry


class Client:
    """Sends requests to the application as a server would."""

    def __init__(self, token: str) -> None:
        self._app, self.token = intake_app.Intake(workers=1), token

    def send(
        self,
        path: str,
        body: bytes,
        content_type: str = "application/json",
        method: str = "POST",
        **headers: str,
    ) -> tuple[int, dict[str, str], Any]:
        sent = {"authorization": f"Bearer {self.token}", "content-type": content_type}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        scope = {
            "type": "http",
            "method": method,
            "path": path.partition("?")[0],
            "query_string": path.partition("?")[2].encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items() if value],
        }
        said: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        asyncio.run(self._app(scope, receive, send))
        answered = {name.decode(): value.decode() for name, value in said[0]["headers"]}
        data = said[1]["body"]
        is_json = "json" in answered.get("content-type", "") and data
        return said[0]["status"], answered, json.loads(data) if is_json else data

    def send_pieces(self, path: str, pieces: list[bytes], content_type: str) -> int:
        """Send a body as it comes over a slow line, and return the status."""
        headers = [(b"authorization", f"Bearer {self.token}".encode()), (b"content-type", content_type.encode())]
        scope = {"type": "http", "method": "POST", "path": path, "query_string": b"", "headers": headers}
        waiting, said = iter(pieces), []

        async def receive() -> dict[str, Any]:
            piece = next(waiting, None)
            return {"type": "http.request", "body": piece or b"", "more_body": piece is not None}

        async def send(message: dict[str, Any]) -> None:
            said.append(message)

        asyncio.run(self._app(scope, receive, send))
        return int(said[0]["status"])


class Kept:
    """The log lines that were written to the spool since this was made."""

    def __init__(self) -> None:
        self._before = set(self._files())

    def _files(self) -> list[Path]:
        return sorted(telemetry.spool().path.glob("*-log_lines.batch"))

    def rows(self) -> list[dict[str, Any]]:
        """The lines, attributes as a dictionary, in their order."""
        fresh = [file.read_bytes().partition(b"\n")[2] for file in self._files() if file not in self._before]
        rows = [row for body in fresh for row in pl.read_ipc_stream(io.BytesIO(body)).to_dicts()]
        found = [{**row, "attributes": orjson.loads(row["attributes"])} for row in rows]
        return sorted(found, key=lambda row: int(row["id"]))

    def bodies(self) -> list[str]:
        """The lines' texts."""
        return [str(row["body"]) for row in self.rows()]
