"""Cut streams of bytes into messages. One that is longer than the limit comes in pieces; none is thrown away."""

Messages = list[tuple[bytes, int]]
# RFC 6587: a count of at most so many digits, a space, and the message, which begins with <. All else is no count.
COUNT_DIGITS = 9


class Delimited:
    """Messages that end with one byte: a newline for syslog, NUL for GELF."""

    def __init__(self, delimiter: bytes, limit: int) -> None:
        self._delimiter, self._limit = delimiter, limit
        self._buffer = bytearray()
        self._piece = 0

    def feed(self, data: bytes) -> Messages:
        """The messages that are complete with this."""
        self._buffer += data
        found: Messages = []
        *whole, rest = self._buffer.split(self._delimiter)
        for one in whole:
            found += self._last(bytes(one))
        while len(rest) > self._limit:
            self._piece += 1
            found.append((bytes(rest[: self._limit]), self._piece))
            rest = rest[self._limit :]
        self._buffer = rest
        return found

    def end(self) -> Messages:
        """What is left when the stream has ended."""
        rest, self._buffer = bytes(self._buffer), bytearray()
        return self._last(rest)

    def _last(self, message: bytes) -> Messages:
        """A message up to its end, of which pieces may have gone before."""
        found: Messages = []
        while len(message) > self._limit or (self._piece and message):
            self._piece += 1
            found.append((message[: self._limit], self._piece))
            message = message[self._limit :]
        if message:
            found.append((message, 0))
        self._piece = 0
        return found


class Syslog:
    """Syslog over TCP (RFC 6587): each message either says how long it is, or ends with a newline."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()
        # Bytes of a counted message that are still to come, and how many pieces of it went before.
        self._left, self._piece = 0, 0
        self._lines: Delimited | None = None

    def feed(self, data: bytes) -> Messages:
        """The messages that are complete with this."""
        self._buffer += data
        found: Messages = []
        while self._buffer and self._step(found):
            pass
        return found

    def _step(self, found: Messages) -> bool:
        """Take one message or one piece out of the buffer; whether there may be more."""
        if self._left:
            return self._counted(found)
        if self._lines is None and self._buffer[:1] in b"\r\n\x00 ":
            del self._buffer[:1]
            return True
        if self._lines is None and self._buffer[:1].isdigit():
            head = bytes(self._buffer[: COUNT_DIGITS + 2])
            count, sign, begin = head.partition(b" ")
            if count.isdigit() and sign and begin[:1] == b"<":
                del self._buffer[: len(count) + 1]
                self._left = int(count)
                return True
            if count.isdigit() and not begin and len(head) < COUNT_DIGITS + 2:
                return False
        return self._line(found)

    def _counted(self, found: Messages) -> bool:
        take = min(self._left, self._limit)
        if len(self._buffer) < take:
            return False
        message = bytes(self._buffer[:take])
        del self._buffer[:take]
        self._left -= take
        self._piece = self._piece + 1 if self._left or self._piece else 0
        found.append((message, self._piece))
        if not self._left:
            self._piece = 0
        return True

    def _line(self, found: Messages) -> bool:
        """Up to the next newline; what comes before it, in pieces if it is too long."""
        if self._lines is None:
            self._lines = Delimited(b"\n", self._limit)
        end = self._buffer.find(b"\n") + 1
        part = bytes(self._buffer[:end] if end else self._buffer)
        del self._buffer[: len(part)]
        found += self._lines.feed(part)
        if end:
            self._lines = None
        return bool(end)

    def end(self) -> Messages:
        """What is left when the stream has ended."""
        rest = self._lines.end() if self._lines else []
        if self._buffer:
            rest.append((bytes(self._buffer), self._piece + 1 if self._piece else 0))
            self._buffer.clear()
        return rest
