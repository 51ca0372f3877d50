"""A worker that carries one correction out and is killed at a point of its choice: ``python -m tests.sqldesk.victim``.

Arguments: the name of the relational database, the correction, and the point: ``looked`` (the change is made, nothing
is written down), ``written`` (written down, not committed), ``committed`` (committed, not marked as done), or ``-``.
"""

import os
import signal
import sys


def main(database: str, number: int, point: str) -> None:
    """Carry out, and die on the way."""
    import django

    django.setup()
    from django.db import connections

    connections.databases["default"]["NAME"] = database
    from mainstay.restore.sqldesk.correct import execution
    from mainstay.restore.sqldesk.engines.session import Session

    def die(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    if point == "looked":
        execution._write_down = die
    elif point == "written":
        Session.commit = die  # type: ignore[method-assign]
    elif point == "committed":
        execution._done = die
    print("ready", flush=True)
    pk = execution.claim()
    assert pk == number
    execution.carry(number)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
