"""Tables of runbooks."""

from mainstay.restore.runbooks.models.book import Book, BookVersion, Host
from mainstay.restore.runbooks.models.remedy import Remedy, RemedyUse
from mainstay.restore.runbooks.models.run import Chunk, Run, StepRun, TargetLease
from mainstay.restore.runbooks.models.trial import Trial

__all__ = ["Book", "BookVersion", "Chunk", "Host", "Remedy", "RemedyUse", "Run", "StepRun", "TargetLease", "Trial"]
