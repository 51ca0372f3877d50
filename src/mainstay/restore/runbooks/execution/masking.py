"""Hiding secrets in what steps write, also where a secret comes in pieces. Pure."""

import base64
from collections.abc import Iterable
from urllib.parse import quote

MASK = "•••"
# A shorter one would stand in half of all words.
SHORTEST = 4


def forms(secret: str) -> set[str]:
    """The secret as it may be written: as it is, each of its long lines, in base64, and percent-encoded."""
    found = {secret, *(line.strip() for line in secret.splitlines() if len(line.strip()) >= 8)}
    found |= {base64.b64encode(secret.encode()).decode().rstrip("="), quote(secret, safe="")}
    return {one for one in found if len(one) >= SHORTEST}


class Masker:
    """A stream of text in which secrets are hidden. What may be the beginning of one is held back until it is known."""

    def __init__(self, secrets: Iterable[str]) -> None:
        # The longest first, so that one which holds another is hidden whole.
        self._secrets = sorted({form for one in secrets for form in forms(one)}, key=len, reverse=True)
        self._held = ""

    def feed(self, text: str) -> str:
        """What can be shown of the stream by now."""
        text = self._held + text
        shown, place = [], 0
        while place < len(text):
            begin, secret = self._next(text, place)
            if secret:
                shown += [text[place:begin], MASK]
                place = begin + len(secret)
                continue
            keep = self._beginning(text, place)
            shown.append(text[place : len(text) - keep])
            self._held = text[len(text) - keep :]
            return "".join(shown)
        self._held = ""
        return "".join(shown)

    def end(self) -> str:
        """The rest, when nothing more comes."""
        rest, self._held = self._held, ""
        return rest

    def _next(self, text: str, start: int) -> tuple[int, str]:
        """Where the next secret stands that cannot become a longer one any more."""
        places = [(text.find(one, start), one) for one in self._secrets]
        found = [(place, -len(one), one) for place, one in places if place >= 0]
        if not found:
            return 0, ""
        place, _, secret = min(found)
        rest = text[place:]
        if any(len(one) > len(rest) and one.startswith(rest) for one in self._secrets):
            return 0, ""
        return place, secret

    def _beginning(self, text: str, start: int) -> int:
        """How many letters at the end may be the beginning of a secret."""
        longest = len(self._secrets[0]) if self._secrets else 0
        for size in range(min(longest, len(text) - start), 0, -1):
            tail = text[len(text) - size :]
            if any(one.startswith(tail) for one in self._secrets):
                return size
        return 0
