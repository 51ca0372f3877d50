"""How busy a database is: replicas that lag, statements that run. A job waits while it is more than it may be."""

from dataclasses import dataclass

from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.engines.base import DeskError
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.models import Job

_LAG_POSTGRES = (
    "SELECT coalesce(max(extract(epoch FROM greatest(replay_lag, interval '0'))), 0) "
    "FROM pg_catalog.pg_stat_replication"
)
_RUNNING_POSTGRES = (
    "SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() "
    "AND backend_type = 'client backend'"
)


@dataclass(frozen=True)
class Pressure:
    """Seconds that the slowest replica is behind, and other statements that run; nothing where it was not asked."""

    lag: float | None
    running: int | None


def measure(session: Session, job: Job) -> Pressure:
    """Look at what the job has limits for, outside of a transaction. Raises ``DeskError`` when it cannot be told."""
    lag = _lag(session, job) if job.max_lag is not None else None
    running = _running(session) if job.max_running is not None else None
    return Pressure(lag, running)


def too_much(job: Job, found: Pressure) -> str:
    """Why the job waits, or nothing."""
    if job.max_lag is not None and found.lag is not None and found.lag > job.max_lag:
        return f"a replica is {found.lag:.0f} s behind, and {job.max_lag} s are the limit"
    if job.max_running is not None and found.running is not None and found.running > job.max_running:
        return f"{found.running} other statements run, and {job.max_running} are the limit"
    return ""


def _running(session: Session) -> int:
    if session.engine.name == "postgres":
        return int(session.value(_RUNNING_POSTGRES))
    if session.engine.name == "mysql":
        return max(int(session.run("SHOW GLOBAL STATUS LIKE 'Threads_running'").rows[0][1]) - 1, 0)
    return 0


def _lag(session: Session, job: Job) -> float:
    if session.engine.name == "postgres":
        return float(session.value(_LAG_POSTGRES))
    if session.engine.name == "mysql" and job.connection.read_address:
        with connections.open_session(job.connection, reading=True) as replica:
            return _behind(replica)
    return 0.0


def _behind(replica: Session) -> float:
    """What a replica says of itself. One that does not replicate is infinitely behind."""
    try:
        answer = replica.run("SHOW REPLICA STATUS")
    except DeskError:
        answer = replica.run("SHOW SLAVE STATUS")
    if not answer.rows:
        return 0.0
    row = {field.name.lower(): value for field, value in zip(answer.fields, answer.rows[0], strict=True)}
    seconds = row.get("seconds_behind_source", row.get("seconds_behind_master"))
    return float(seconds) if seconds is not None else float("inf")
