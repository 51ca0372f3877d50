"""Tables of the SQL desk."""

from mainstay.restore.sqldesk.models.change import Batch, Correction, TableImage
from mainstay.restore.sqldesk.models.connection import Connection
from mainstay.restore.sqldesk.models.examine import Evidence, Read, SavedQuery
from mainstay.restore.sqldesk.models.job import Job, JobBatch

__all__ = [
    "Batch",
    "Connection",
    "Correction",
    "Evidence",
    "Job",
    "JobBatch",
    "Read",
    "SavedQuery",
    "TableImage",
]
