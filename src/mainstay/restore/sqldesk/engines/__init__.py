"""The databases that the desk speaks to: one module each, found by this list."""

from collections.abc import Mapping

from mainstay.restore.sqldesk.engines.base import Engine
from mainstay.restore.sqldesk.engines.mysql import MySql
from mainstay.restore.sqldesk.engines.others import Other
from mainstay.restore.sqldesk.engines.postgres import Postgres
from mainstay.restore.sqldesk.engines.sqlite import Sqlite

ENGINES: Mapping[str, Engine] = {
    "postgres": Postgres(),
    "mysql": MySql(),
    "sqlite": Sqlite(),
    "oracle": Other("oracle"),
    "sqlserver": Other("sqlserver"),
}
