"""How programs and people name incidents."""

from mainstay.core.problems import bad_request


def number(text: str) -> int:
    """The number in ``142``, ``INC-142`` or ``inc-142``."""
    digits = text.strip().upper().removeprefix("INC-")
    if not digits.isdigit():
        raise bad_request(f"write a number such as 142 or INC-142, not {text!r}", "id")
    return int(digits)
