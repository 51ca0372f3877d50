"""Tables of the SQL desk."""

from mainstay.restore.sqldesk.models.change import Batch, Correction, TableImage
from mainstay.restore.sqldesk.models.connection import Connection

__all__ = ["Batch", "Connection", "Correction", "TableImage"]
