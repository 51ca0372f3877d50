"""A worker that runs one job and is killed at a point of its choice: ``python -m tests.sqldesk.job_victim``.

Arguments: the name of the relational database, the job, the number of the batch, and the point in it: ``selected``
(nothing is written down), ``written`` (written down, not committed), ``committed`` (committed, not marked as done), or
``-`` for none.
"""

import os
import signal
import sys
from typing import Any


def main(database: str, number: int, batch: int, point: str) -> None:
    """Run, and die on the way."""
    import django

    django.setup()
    from django.db import connections

    connections.databases["default"]["NAME"] = database
    from mainstay.restore.sqldesk.jobs import execution
    from mainstay.restore.sqldesk.models import JobBatch

    def deadly(name: str) -> None:
        real = getattr(execution, name)

        def call(*words: Any, **more: Any) -> Any:
            if JobBatch.objects.filter(job=number).count() >= batch - (name == "_committing"):
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*words, **more)

        setattr(execution, name, call)

    points = {"selected": "_committing", "written": "_commit", "committed": "_done"}
    if point in points:
        deadly(points[point])
    print("ready", flush=True)
    run = execution.claim()
    assert run is not None
    execution.carry(run)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
