"""A case as one file: a zip whose manifest names every file in it with its SHA-256."""

import csv
import hashlib
import io
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import orjson

MANIFEST: Final = "MANIFEST.json"
INDEX: Final = "index.html"
RECORD: Final = "escalation.json"
# What a spreadsheet would run as a formula.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def manifest(files: Mapping[str, bytes]) -> dict[str, Any]:
    """What is in the case: each file with its size and SHA-256."""
    rows = [
        {"name": name, "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
        for name, data in sorted(files.items())
    ]
    return {"files": rows}


def pack(files: Mapping[str, bytes], at: datetime) -> bytes:
    """The zip, the same for the same files and time. The page for people comes first, the manifest last."""
    out = io.BytesIO()
    stamp = at.timetuple()[:6]
    listed = orjson.dumps(manifest(files), option=orjson.OPT_INDENT_2)
    names = sorted(files, key=lambda one: (one != INDEX, one))
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as packed:
        for name, data in [*((one, files[one]) for one in names), (MANIFEST, listed)]:
            entry = zipfile.ZipInfo(name, date_time=stamp)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            packed.writestr(entry, data)
    return out.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a case, without its manifest."""
    with zipfile.ZipFile(io.BytesIO(data)) as packed:
        return {name: packed.read(name) for name in packed.namelist() if name != MANIFEST}


def table(rows: Iterable[Sequence[object]]) -> bytes:
    """Rows as CSV. A text that a spreadsheet would run as a formula begins with an apostrophe."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    for row in rows:
        writer.writerow([f"'{one}" if isinstance(one, str) and one.startswith(_FORMULA) else one for one in row])
    return out.getvalue().encode()
