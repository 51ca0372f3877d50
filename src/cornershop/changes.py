"""Telling the monitoring that something was changed, as a CI job or a configuration tool would."""

import json
import os
import secrets
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from cornershop.layout import Shop
from cornershop.logs import iso

URL_VARIABLE = "CORNERSHOP_CHANGE_URL"
TOKEN_VARIABLE = "CORNERSHOP_CHANGE_TOKEN_FILE"  # noqa: S105 - the name of a variable


@dataclass(frozen=True)
class ChangeReporter:
    """Where change events go: always to DIR/changes.log, and to a web hook when one is set."""

    shop: Shop
    url: str | None = None
    token_file: Path | None = None

    @classmethod
    def from_settings(cls, shop: Shop, url: str | None, token_file: str | None) -> "ChangeReporter":
        """The arguments win over the environment."""
        token = token_file or os.environ.get(TOKEN_VARIABLE)
        return cls(shop, url or os.environ.get(URL_VARIABLE), Path(token) if token else None)

    def report(
        self, kind: str, service: str, summary: str, *, by: str = "deploy-bot", diff: str = "", version: str = ""
    ) -> None:
        """Record one change. A hook that fails is a warning: the change itself has happened already."""
        event = {
            "id": f"chg-{secrets.token_hex(6)}",
            "time": iso(),
            "kind": kind,
            "service": service,
            "summary": summary,
            "by": by,
            "version": version,
            "diff": diff,
        }
        with (self.shop.root / "changes.log").open("a", encoding="utf-8") as log:
            log.write(json.dumps(event) + "\n")
        if self.url:
            self._post(self.url, json.dumps(event).encode())

    def _post(self, url: str, body: bytes) -> None:
        headers = {"Content-Type": "application/json"}
        try:
            if self.token_file:
                headers["Authorization"] = f"Bearer {self.token_file.read_text().strip()}"
            request = urllib.request.Request(url, data=body, headers=headers, method="POST")  # noqa: S310
            with urllib.request.urlopen(request, timeout=5):  # noqa: S310 - the operator chose the address
                pass
        except (OSError, ValueError, urllib.error.URLError) as failure:
            print(f"warning: the change event was not delivered to {url}: {failure}", file=sys.stderr)
