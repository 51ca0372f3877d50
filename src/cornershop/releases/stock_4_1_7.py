"""Prices and labels of release 4.1.7."""

from typing import Any


def net_cents(product: dict[str, Any]) -> int:
    """The price after the discount, in cents."""
    return int(product["price_cents"] * (100 - product["discount_percent"]) // 100)


def discount_label(product: dict[str, Any]) -> str:
    """What stands beside the price of a discounted product."""
    if not product["discount_percent"]:
        return ""
    return f"-{product['discount_percent']} %"
