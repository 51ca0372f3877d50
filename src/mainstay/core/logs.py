"""How Mainstay writes its own log: one logfmt line an event, to standard error."""

import logging
from datetime import UTC, datetime


class LineFormatter(logging.Formatter):
    """``ts=… level=… at=… msg="…"``, a traceback on the lines that follow."""

    def format(self, record: logging.LogRecord) -> str:
        """One line of the log."""
        stamp = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        message = record.getMessage().replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
        line = f'ts={stamp} level={record.levelname.lower()} at={record.name} msg="{message}"'
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line
