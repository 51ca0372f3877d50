"""Commands that run the processes."""

import typer

from mainstay.core.settings import current
from mainstay.faces.cli.output import fail
from mainstay.faces.cli.setup import say, use_django


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(up)
    app.command()(web)
    app.command()(worker)
    app.command()(engine)
    app.command()(migrate)


def up() -> None:
    """Run web, worker and engine, and start again what dies."""
    from mainstay.faces.run.supervisor import Supervisor, SupervisorError

    conf = current()
    roles = ("web", "worker") if conf.engine_url else ("engine", "web", "worker")
    supervisor = Supervisor(conf, roles)
    try:
        raise SystemExit(supervisor.run(lambda: say(f"Mainstay is ready at {conf.public_url}")))
    except SupervisorError as error:
        fail(str(error))


def web() -> None:
    """Run the screens, the API and intake alone."""
    use_django()
    from mainstay.faces.run.web import main

    main()


def worker() -> None:
    """Run the worker alone."""
    use_django()
    from mainstay.faces.run.worker import main

    main()


def engine() -> None:
    """Run the embedded telemetry engine alone."""
    from mainstay.faces.run.engine import main

    main()


def migrate() -> None:
    """Bring the database to this version. 'mainstay up' does it at every start."""
    use_django()
    from django.core.management import call_command

    call_command("migrate", verbosity=0, interactive=False)
