"""The faults that can be made in a running shop, and healed."""

from cornershop.faults.base import Fault, Scene
from cornershop.faults.database import BATCH_STUCK, POISON_MESSAGE, SLOW_DATABASE
from cornershop.faults.payments import CONFIG_CHANGE, FULL_DISK, PAYMENT_TIMEOUTS, WRONG_ROWS
from cornershop.faults.platform import BAD_RELEASE, CERTIFICATE_EXPIRY, MEMORY_LEAK

FAULTS: dict[str, Fault] = {
    fault.name: fault
    for fault in (
        SLOW_DATABASE,
        PAYMENT_TIMEOUTS,
        MEMORY_LEAK,
        BAD_RELEASE,
        POISON_MESSAGE,
        WRONG_ROWS,
        FULL_DISK,
        CONFIG_CHANGE,
        CERTIFICATE_EXPIRY,
        BATCH_STUCK,
    )
}

__all__ = ["FAULTS", "Fault", "Scene"]
