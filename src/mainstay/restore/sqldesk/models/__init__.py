"""Tables of the SQL desk."""

from mainstay.restore.sqldesk.models.change import Batch, Correction, TableImage
from mainstay.restore.sqldesk.models.connection import Connection
from mainstay.restore.sqldesk.models.examine import Evidence, Read, SavedQuery

__all__ = ["Batch", "Connection", "Correction", "Evidence", "Read", "SavedQuery", "TableImage"]
