"""Tables of runbooks."""

from mainstay.restore.runbooks.models.book import Book, BookVersion, Host
from mainstay.restore.runbooks.models.run import Chunk, Run, StepRun, TargetLease

__all__ = ["Book", "BookVersion", "Chunk", "Host", "Run", "StepRun", "TargetLease"]
