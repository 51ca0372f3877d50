"""Log lines to measure with: a shop of twelve services over a day, made column by column."""

import numpy as np
import polars as pl

SERVICES = (
    "storefront",
    "orders",
    "payments",
    "stock",
    "settlement",
    "invoicing",
    "shipping",
    "search",
    "accounts",
    "mailer",
    "gateway",
    "warehouse",
)
TRACE = """java.lang.IllegalStateException: cart {uuid} is closed
\tat shop.cart.Cart.add(Cart.java:{few})
\tat shop.web.CartController.post(CartController.java:88)
Caused by: java.sql.SQLTransientConnectionException: pool exhausted after {ms} ms"""
# (level, share of all lines, template). Placeholders are filled from columns of random values.
TEMPLATES = (
    ("info", 30, "GET /api/v1/orders/{order} 200 in {ms} ms client={ip}"),
    ("info", 14, "POST /checkout 201 in {ms} ms order={order} customer={customer}"),
    ("info", 12, "reserved {few} items of article {article} in warehouse {house} for order {order}"),
    ("debug", 14, "cache lookup key=cart:{customer} hit={few} took {ms} us"),
    ("info", 8, "charge accepted by provider, order {order}, reference {uuid}"),
    ("info", 7, "message {uuid} published to topic orders.events partition {few}"),
    ("info", 6, "session of customer {customer} opened from {ip}"),
    ("warning", 4, "slow statement: SELECT * FROM reservation WHERE order_id = {order} took {ms} ms"),
    ("warning", 2, "retrying charge attempt {few} of 3 for order {order}"),
    ("error", 1.6, "provider timeout after {ms} ms, order {order}"),
    ("error", 0.9, "connection refused: stock-db-{few}.internal:5432 while reserving order {order}"),
    ("error", 0.45, TRACE),
    ("fatal", 0.05, "out of file descriptors, worker {few} ends"),
)


def _hex(chance: np.random.Generator, count: int, digits: int) -> pl.Series:
    """Random lower-case hexadecimal numbers of so many digits (at most 15)."""
    numbers = pl.Series(chance.integers(16 ** (digits - 1), 16**digits, count, dtype=np.int64))
    return numbers.map_elements(lambda one: f"{one:x}", return_dtype=pl.String)


def corpus(count: int, seed: int, start_us: int, end_us: int) -> pl.DataFrame:
    """``count`` lines in order of time from ``start_us`` to ``end_us`` (microseconds since 1970 UTC).

    Columns: time, service, level, body, trace_id, stream, source, format, attributes (as ``log_lines`` has them).
    """
    chance = np.random.default_rng(seed)
    shares = np.array([share for _, share, _ in TEMPLATES])
    kind = chance.choice(len(TEMPLATES), count, p=shares / shares.sum())
    uuid = pl.concat_str([_hex(chance, count, 8), _hex(chance, count, 4), _hex(chance, count, 12)], separator="-")
    trace = pl.concat_str([_hex(chance, count, 15), _hex(chance, count, 15)]) + "00"
    frame = pl.DataFrame(
        {
            "time": np.sort(chance.integers(start_us, end_us, count)),
            "kind": kind,
            "at": chance.choice(len(SERVICES), count, p=(weights := np.geomspace(8, 1, len(SERVICES))) / weights.sum()),
            "order": chance.integers(10_000_000, 99_999_999, count),
            "customer": chance.integers(100_000, 999_999, count),
            "article": chance.integers(1_000, 9_999, count),
            "house": chance.integers(1, 30, count),
            "few": chance.integers(0, 9, count),
            "ms": np.minimum(chance.lognormal(3.5, 1.2, count), 30_000).astype(np.int64),
            "a": chance.integers(0, 255, count),
            "b": chance.integers(0, 255, count),
            "has_trace": chance.random(count) < 0.6,
        }
    ).with_columns(
        ip=pl.concat_str([pl.lit("10.1"), pl.col("a"), pl.col("b")], separator="."),
        uuid=uuid,
        trace=trace,
    )
    body = pl.lit("")
    for place, (_, _, template) in enumerate(TEMPLATES):
        body = pl.when(pl.col("kind") == place).then(_filled(template)).otherwise(body)
    instance = pl.concat_str([pl.lit("i-"), pl.col("b") % 4])
    attributes = pl.struct(
        host=instance, order=pl.col("order").cast(pl.String), duration_ms=pl.col("ms").cast(pl.String)
    )
    services = pl.Series(SERVICES)
    return frame.select(
        "time",
        service=pl.lit(services).gather(pl.col("at")),
        level=pl.lit(pl.Series([level for level, _, _ in TEMPLATES])).gather(pl.col("kind")),
        # A number that stands for the template, as the real ones do.
        pattern=(pl.col("kind").cast(pl.UInt64) + 1) * 7919,
        body=body,
        trace_id=pl.when("has_trace").then("trace").otherwise(pl.lit("")),
        stream=pl.concat_str([instance, pl.lit(":/var/log/app.log")]),
        source=pl.lit("bench"),
        format=pl.lit("raw"),
        attributes=attributes.struct.json_encode(),
    )


def _filled(template: str) -> pl.Expr:
    """A template with its placeholders taken from the columns of the same names."""
    parts = [piece.partition("}") for piece in template.split("{")]
    found = [pl.lit(parts[0][0])]
    for name, _, rest in parts[1:]:
        found += [pl.col(name).cast(pl.String), pl.lit(rest)]
    return pl.concat_str(found)
