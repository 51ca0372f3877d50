"""Lines that are data: JSON, key=value pairs, and the access logs of web servers."""

from collections.abc import Mapping

import orjson
import polars as pl

from mainstay.observe.logs.frame import NO_ATTRIBUTES
from mainstay.observe.logs.reading.expressions import ascii_only
from mainstay.observe.logs.reading.names import LEVEL, MESSAGE, SERVICE, SPAN, STACK, TIME, TRACE

KNOWN = {"time": TIME, "level": LEVEL, "message": MESSAGE, "service": SERVICE, "trace": TRACE, "span": SPAN}
# A line of text that is an object says by "exception" what was thrown; a record of a library may mean its message.
_STACK = (*STACK, "exception")
_MOST_FIELDS, _MOST_DEPTH = 200, 5

_QUOTED = r'"(?:[^"\\]|\\.)*"'
LOGFMT = ascii_only(rf"\A(?:[A-Za-z_][\w.@/-]*=(?:{_QUOTED}|[^\s\"]*)(?:\s+|\z)){{2,}}")
_PAIR = ascii_only(rf"[A-Za-z_][\w.@/-]*=(?:{_QUOTED}|[^\s\"]*)")
ACCESS = ascii_only(
    r"\A(?P<client>\S+) (?P<ident>\S+) (?P<user>\S+) \[(?P<stamp>\d{1,2}/\w{3}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    r"\"(?P<method>[A-Z]+) (?P<path>\S+)(?: (?P<version>[A-Z]+/[\d.]+))?\" (?P<status>\d{3}) (?P<size>\d+|-)"
    r"(?: \"(?P<referer>(?:[^\"\\]|\\.)*)\" \"(?P<agent>(?:[^\"\\]|\\.)*)\")?(?P<rest>.*)\z"
)
_ACCESS_NAMES = {
    "client": "client.address",
    "user": "user.name",
    "method": "http.request.method",
    "path": "url.path",
    "status": "http.response.status_code",
    "size": "http.response.body.size",
    "referer": "http.request.header.referer",
    "agent": "user_agent.original",
}


def from_json(texts: pl.Series) -> pl.DataFrame:
    """Fields of JSON objects (N rows): text columns of ``KNOWN`` and ``stack``, the rest as ``own``; ``good`` (N).

    Decoding is one call into compiled code a line; nested objects become names with dots, lists JSON.
    """
    rows = [_flat(text) for text in texts]
    known = {
        name: [_take(row, names) if row is not None else "" for row in rows]
        for name, names in (*KNOWN.items(), ("stack", _STACK))
    }
    own = [orjson.dumps(row).decode() if row else NO_ATTRIBUTES for row in rows]
    good = [row is not None for row in rows]
    return pl.DataFrame(known, schema=dict.fromkeys(known, pl.String)).with_columns(
        own=pl.Series(own, dtype=pl.String), good=pl.Series(good, dtype=pl.Boolean)
    )


def _flat(text: str) -> dict[str, str] | None:
    try:
        found = orjson.loads(text)
    except ValueError:
        return None
    if not isinstance(found, dict):
        return None
    flat: dict[str, str] = {}
    _flatten(found, "", flat, 0)
    return flat


def _flatten(value: Mapping[str, object], prefix: str, into: dict[str, str], depth: int) -> None:
    for key, one in value.items():
        if len(into) >= _MOST_FIELDS:
            into["fields.left_out"] = "true"
            return
        if isinstance(one, str):
            into[prefix + key] = one
        elif isinstance(one, dict) and depth < _MOST_DEPTH:
            _flatten(one, f"{prefix}{key}.", into, depth + 1)
        elif one is not None:
            into[prefix + key] = orjson.dumps(one).decode()


def _take(row: dict[str, str], names: tuple[str, ...]) -> str:
    """The first of some fields that is there, taken out of the row."""
    for name in names:
        if row.get(name):
            return row.pop(name)
    return ""


def from_pairs(texts: pl.Series) -> pl.DataFrame:
    """Fields of ``key=value`` lines, as ``from_json`` gives them."""
    pairs = (
        texts.to_frame("text")
        .with_row_index("row")
        .select("row", pl.col("text").str.extract_all(_PAIR).alias("pair"))
        .explode("pair", empty_as_null=True)
        .select(
            "row",
            key=pl.col("pair").str.extract(r"\A([^=]+)="),
            value=pl.col("pair").str.replace(r"\A[^=]+=", "").str.replace(r'\A"((?s).*)"\z', "${1}"),
        )
        .with_columns(value=pl.col("value").str.replace_all(r"\\(.)", "${1}"))
    )
    found = pl.DataFrame({"row": pl.int_range(texts.len(), dtype=pl.UInt32, eager=True)})
    taken = []
    for name, names in (*KNOWN.items(), ("stack", _STACK)):
        rank = pl.col("key").replace_strict(list(names), range(len(names)), default=None, return_dtype=pl.Int32)
        best = pairs.with_columns(rank=rank).filter(rank.is_not_null() & (pl.col("value") != "")).sort("row", "rank")
        best = best.unique("row", keep="first", maintain_order=True)
        taken.append(best.select("row", "key"))
        found = found.join(best.select("row", pl.col("value").alias(name)), on="row", how="left", maintain_order="left")
    rest = pairs.join(pl.concat(taken), on=["row", "key"], how="anti").filter(pl.col("key").is_not_null())
    quoted = pl.format('"{}":{}', "key", pl.struct("value").struct.json_encode().str.slice(9).str.head(-1))
    own = (
        rest.group_by("row")
        .agg(quoted.str.join(",").alias("own"))
        .with_columns(own=pl.concat_str(pl.lit("{"), "own", pl.lit("}")))
    )
    return (
        found.join(own, on="row", how="left", maintain_order="left")
        .drop("row")
        .with_columns(pl.col("own").fill_null(NO_ATTRIBUTES), good=pl.lit(value=True))
        .with_columns(pl.col(pl.String).fill_null(""))
    )


def from_access(texts: pl.Series) -> pl.DataFrame:
    """Fields of access log lines, as ``from_json`` gives them, with ``stamp``; the level is that of the status."""
    found = texts.str.extract_groups(ACCESS).struct.unnest()
    status = pl.col("status").str.slice(0, 1)
    return found.with_columns(
        own=pl.struct(
            pl.col(part).replace("-", None).alias(name) for part, name in _ACCESS_NAMES.items()
        ).struct.json_encode(),
        level=pl.when(status == "5")
        .then(pl.lit("error"))
        .when(status == "4")
        .then(pl.lit("warning"))
        .otherwise(pl.lit("info")),
        good=pl.col("stamp").is_not_null(),
    )
