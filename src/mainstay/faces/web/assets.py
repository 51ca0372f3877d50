"""What the build made: scripts, styles and fonts under content-hashed names."""

import gzip
import hashlib
import json
import mimetypes
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

DIST = Path(__file__).parent / "static" / "mainstay" / "dist"
PREFIX = "/static/"
HINT = "The screens were not built, so they show without styles and scripts. Install again with: pip install ."


@dataclass(frozen=True)
class Asset:
    """One file, ready to be sent. ``packed`` is its gzip form, empty where that is no gain."""

    body: bytes
    packed: bytes
    content_type: str
    etag: str


def _load(path: Path) -> Asset:
    body = path.read_bytes()
    kind = {".js": "text/javascript", ".woff2": "font/woff2"}.get(path.suffix)
    kind = kind or mimetypes.guess_type(path.name)[0] or "application/octet-stream"
    if kind.startswith("text/"):
        kind += "; charset=utf-8"
    packed = b"" if path.suffix == ".woff2" else gzip.compress(body, 9, mtime=0)
    return Asset(body, packed if len(packed) < len(body) else b"", kind, f'"{hashlib.sha256(body).hexdigest()[:20]}"')


@lru_cache(maxsize=1)
def files() -> dict[str, Asset]:
    """Every file of the build by its name; nothing when there was no build."""
    if not DIST.is_dir():
        return {}
    return {path.name: _load(path) for path in sorted(DIST.iterdir()) if path.is_file()}


@lru_cache(maxsize=1)
def manifest() -> dict[str, str]:
    """The plain name of each entry to its hashed one."""
    found = files().get("manifest.json")
    names: dict[str, str] = json.loads(found.body) if found else {}
    return names


def is_built() -> bool:
    """Whether there is anything to serve."""
    return bool(manifest())


def url(name: str) -> str:
    """The address of a file by its plain name, empty when there was no build."""
    hashed = manifest().get(name)
    return f"{PREFIX}{hashed}" if hashed else ""


def text(name: str) -> str:
    """A file as text, for styles that travel inside a page."""
    hashed = manifest().get(name)
    return files()[hashed].body.decode().strip() if hashed else ""
