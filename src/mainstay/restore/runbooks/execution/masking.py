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
        shown, self._held = self._hidden(self._held + text, final=False)
        return shown

    def end(self) -> str:
        """The rest, when nothing more comes."""
        shown, self._held = self._hidden(self._held, final=True)
        return shown

    def _hidden(self, text: str, *, final: bool) -> tuple[str, str]:
        """What can be shown, with secrets hidden from the left on, and what has to wait."""
        shown, place = [], 0
        while True:
            wait = len(text) if final else self._wait_from(text, place)
            begin, secret = self._next(text, place)
            if not secret or begin >= wait:
                shown.append(text[place:wait])
                return "".join(shown), text[wait:]
            shown += [text[place:begin], MASK]
            place = begin + len(secret)

    def _next(self, text: str, start: int) -> tuple[int, str]:
        """Where the next secret stands, the longest of those that begin there."""
        places = [(text.find(one, start), -len(one), one) for one in self._secrets]
        place, _, secret = min((one for one in places if one[0] >= 0), default=(0, 0, ""))
        return place, secret

    def _wait_from(self, text: str, start: int) -> int:
        """From where on the text may be the beginning of a secret that has not come whole."""
        longest = len(self._secrets[0]) if self._secrets else 0
        for place in range(max(len(text) - longest, start), len(text)):
            if any(len(one) > len(text) - place and one.startswith(text[place:]) for one in self._secrets):
                return place
        return len(text)
