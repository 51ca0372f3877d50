"""What the worker does for cases: builds what waits, and takes what developers said."""

from mainstay.learn.escalation import hearing, services


def run_due() -> int:
    """One round. Returns how much was done."""
    return services.build_due() + hearing.run_due()
