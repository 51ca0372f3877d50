"""Regular expressions for columns of text."""

_CLASSES = {"w": "A-Za-z0-9_", "d": "0-9", "s": r" \t"}


def ascii_only(expression: str) -> str:
    """The expression with ``\\w``, ``\\d`` and ``\\s`` spelled out for ASCII.

    Their Unicode forms make an automaton some hundred times as large, and matching several times as slow. Headers are
    written by machines; a message may be in any script.
    """
    parts: list[str] = []
    inside = False
    place = 0
    while place < len(expression):
        sign = expression[place]
        if sign == "\\" and place + 1 < len(expression):
            known = _CLASSES.get(expression[place + 1])
            parts.append((known if inside else f"[{known}]") if known else expression[place : place + 2])
            place += 2
            continue
        inside = (inside or sign == "[") and not (inside and sign == "]")
        parts.append(sign)
        place += 1
    return "".join(parts)
