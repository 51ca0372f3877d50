"""What a step writes: decoded, masked, bounded, and cut into pieces that become rows."""

import codecs
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from mainstay.restore.runbooks.execution.masking import Masker

# Longest text of a row, in letters.
PIECE = 16_000


@dataclass(frozen=True)
class Piece:
    """Something that was written: which stream, and the text."""

    stream: str
    text: str


class _Stream:
    def __init__(self, secrets: Iterable[str]) -> None:
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self.masker = Masker(secrets)


class Output:
    """The output of one attempt. The first three quarters of ``limit`` letters are kept as they come, and the end."""

    def __init__(self, secrets: Iterable[str], limit: int) -> None:
        secrets = list(secrets)
        self._streams = {"out": _Stream(secrets), "err": _Stream(secrets)}
        self._log = Masker(secrets)
        self._head, self._room = limit * 3 // 4, limit // 4
        self._tail: deque[Piece] = deque()
        self._in_tail = self._dropped = 0
        self._ready: list[Piece] = []
        self.bytes = 0
        # The end of the output, by which it is told whether a step said what it must; masked as all of it.
        self.said = ""

    def feed(self, stream: str, data: bytes) -> None:
        """Take what a stream brought."""
        self.bytes += len(data)
        one = self._streams[stream]
        self._keep(stream, one.masker.feed(one.decoder.decode(data)))

    def log(self, text: str) -> None:
        """Add a line of our own."""
        self._keep("log", self._log.feed(text + "\n") + self._log.end())

    def take(self) -> list[Piece]:
        """The pieces that came since the last call, neighbours of one stream as one."""
        pieces, self._ready = self._ready, []
        return _joined(pieces)

    def finish(self) -> None:
        """Nothing more comes: let go of what was held back."""
        for name, one in self._streams.items():
            self._keep(name, one.masker.feed(one.decoder.decode(b"", final=True)) + one.masker.end())

    def end(self) -> list[Piece]:
        """The last pieces."""
        self.finish()
        pieces = self.take()
        if self._dropped:
            pieces.append(Piece("log", f"… {self._dropped:,} characters are left out here …\n"))
        pieces += _joined(self._tail)
        self._tail.clear()
        return pieces

    def _keep(self, stream: str, text: str) -> None:
        text = text.replace("\0", "\N{REPLACEMENT CHARACTER}")
        if not text:
            return
        if stream != "log":
            self.said = (self.said + text)[-PIECE * 4 :]
        head, text = text[: self._head], text[self._head :]
        if head:
            self._head -= len(head)
            self._ready.append(Piece(stream, head))
        if not text:
            return
        self._tail.append(Piece(stream, text[-self._room :]))
        self._dropped += max(len(text) - self._room, 0)
        self._in_tail += len(text[-self._room :])
        while self._in_tail > self._room:
            gone = self._tail.popleft()
            excess = self._in_tail - self._room
            if len(gone.text) > excess:
                self._tail.appendleft(Piece(gone.stream, gone.text[excess:]))
            lost = min(excess, len(gone.text))
            self._in_tail -= lost
            self._dropped += lost


def _joined(pieces: Iterable[Piece]) -> list[Piece]:
    found: list[Piece] = []
    for one in pieces:
        if found and found[-1].stream == one.stream and len(found[-1].text) + len(one.text) <= PIECE:
            found[-1] = Piece(one.stream, found[-1].text + one.text)
        else:
            found += [Piece(one.stream, one.text[place : place + PIECE]) for place in range(0, len(one.text), PIECE)]
    return found
