"""What became of a transaction whose commit was not answered: the server is asked, then the rows."""

from mainstay.restore.sqldesk import connections
from mainstay.restore.sqldesk.correct import rows
from mainstay.restore.sqldesk.correct.facts import merged
from mainstay.restore.sqldesk.correct.restoring import Kept
from mainstay.restore.sqldesk.correct.tables import Tables
from mainstay.restore.sqldesk.domain.images import same
from mainstay.restore.sqldesk.engines.base import DeskError, RefusedError
from mainstay.restore.sqldesk.engines.session import Session
from mainstay.restore.sqldesk.models import Batch


def what_became_of(batch: Batch) -> tuple[str, str]:
    """``committed``, ``aborted``, ``running`` (look again later) or ``unknown`` (a person must say), and why."""
    try:
        with connections.open_session(batch.correction.connection, reading=False, raw=True) as session:
            told = session.engine.outcome(session, batch.session)
            if told != "unknown":
                return told, f"the server says that its transaction is {told}"
            return _by_rows(session, merged(batch.images.all()))
    except RefusedError as error:
        return "unknown", f"its rows cannot be looked at: {error}"
    except DeskError as error:
        return "running", f"the database does not answer: {error}"


def _by_rows(session: Session, kept: tuple[Kept, ...]) -> tuple[str, str]:
    """A transaction is whole: one row that is as it left it, and was not so before, shows that it went through."""
    tables, as_before, as_after, other = Tables(session), 0, 0, 0
    for one in kept:
        if not one.key:
            continue
        table = tables.get(one.name)
        places = [place for place, column in enumerate(table.columns) if not column.generated]
        now = rows.by_keys(session, table, one.key, one.pairs, lock=False)
        for key, (before, after) in one.pairs.items():
            if same(before, after, places):
                continue
            as_after += same(now.get(key), after, places)
            as_before += same(now.get(key), before, places)
            other += not same(now.get(key), after, places) and not same(now.get(key), before, places)
    if as_after and not as_before:
        return "committed", f"{as_after:,} rows are as the correction left them"
    if as_before and not as_after and not other:
        return "aborted", f"all {as_before:,} rows are as before the correction"
    return "unknown", f"{as_before:,} rows are as before, {as_after:,} as after, {other:,} neither: look at them"
