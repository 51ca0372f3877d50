"""Unpack bodies, but never more of them than a limit: a small body can unpack to a huge one."""

import zlib

import cramjam

from mainstay.core.problems import ProblemError, bad_request

ENCODINGS = ("identity", "gzip", "deflate", "zstd", "snappy")


def too_large(limit: int) -> ProblemError:
    """The refusal of a body over the limit (bytes)."""
    return ProblemError(413, "Content too large", f"send at most {limit // 1_000_000} MB at once, unpacked")


def unpack(body: bytes, encoding: str, limit: int) -> bytes:
    """The body unpacked. Raises ``ProblemError``: 413 over ``limit`` bytes, 415 for an encoding that is not known."""
    if encoding in {"", "identity"}:
        return body
    if encoding not in ENCODINGS:
        known = "plain, gzip, deflate, zstd or snappy"
        raise ProblemError(415, "Unsupported media type", f"send the body {known}", "Content-Encoding")
    try:
        return {"zstd": _zstd, "snappy": _snappy}.get(encoding, _zlib)(body, limit)
    except (zlib.error, cramjam.DecompressionError, EOFError, ValueError) as error:
        raise bad_request(f"the body is not {encoding}: {error}", "Content-Encoding") from error


def _zlib(body: bytes, limit: int) -> bytes:
    """gzip, of one member or several, and zlib."""
    parts, size = [], 0
    while body:
        machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
        parts.append(machine.decompress(body, limit + 1 - size))
        size += len(parts[-1])
        if size > limit:
            raise too_large(limit)
        if not machine.eof:
            raise EOFError("it ends too early")
        body = machine.unused_data
    return b"".join(parts)


def _zstd(body: bytes, limit: int) -> bytes:
    room = bytearray(limit + 1)
    try:
        size = cramjam.zstd.decompress_into(body, room)
    except cramjam.DecompressionError as error:
        if "whole buffer" in str(error):
            raise too_large(limit) from error
        raise
    if size > limit:
        raise too_large(limit)
    return bytes(memoryview(room)[:size])


def _snappy(body: bytes, limit: int) -> bytes:
    """Snappy's raw block format, which says in its first bytes how long it is unpacked."""
    if cramjam.snappy.decompress_raw_len(body) > limit:
        raise too_large(limit)
    return bytes(cramjam.snappy.decompress_raw(body))
