"""``mainstay``: the command line.

Exit codes: 0 done, 1 failed, 2 wrong use, 3 not found, 4 not allowed or refused, 5 a part does not answer,
6 inconclusive.
"""

import sys
from typing import NoReturn

import typer

from mainstay.core.settings import SettingsError
from mainstay.faces.cli import (
    actions,
    bench,
    checks,
    config,
    configurations,
    corrections,
    demo,
    diagnose,
    drill,
    escalation,
    importing,
    known,
    logs,
    maintenance,
    mcp,
    operate,
    problems,
    processes,
    release,
    release_plans,
    reports,
    runbooks,
    setup,
    silences,
    sla,
    slo,
    sql,
    supportability,
    tail,
    trackers,
    work,
)
from mainstay.faces.cli.output import FAILED, NOT_ALLOWED, NOT_FOUND, UNAVAILABLE, USAGE, fail

app = typer.Typer(
    name="mainstay",
    help="The workbench of a production-support team.",
    epilog="Every setting is a flag too, for example --data DIR or --listen HOST:PORT; "
    "'mainstay config explain' lists them with their values and where each came from.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
for module in (processes, operate, work, config, tail, diagnose, escalation, mcp, reports):
    module.register(app)
app.add_typer(demo.app, name="demo")
app.add_typer(bench.app, name="bench")
app.add_typer(drill.app, name="drill")
app.add_typer(logs.app, name="logs")
app.add_typer(importing.app, name="import")
app.add_typer(checks.app, name="checks")
app.add_typer(known.app, name="known-errors")
app.add_typer(silences.app, name="silences")
app.add_typer(sla.app, name="sla")
app.add_typer(slo.app, name="slo")
app.add_typer(configurations.app, name="configurations")
app.add_typer(supportability.app, name="supportability")
app.add_typer(actions.app, name="actions")
app.add_typer(problems.app, name="problems")
app.add_typer(trackers.app, name="trackers")
app.add_typer(maintenance.app, name="maintenance")
sql.app.add_typer(corrections.app, name="corrections")
app.add_typer(sql.app, name="sql")
app.add_typer(runbooks.app, name="runbook")
release_plans.register(release.app)
app.add_typer(release.app, name="release")
app.add_typer(corrections.secret_app, name="secret")


def main() -> NoReturn:
    """Run a command and end with its exit code."""
    try:
        rest, flags = setup.take_settings(sys.argv[1:])
        setup.use_settings(flags)
        sys.argv[1:] = rest
        app()
    except SettingsError as error:
        fail(str(error), USAGE)
    except KeyboardInterrupt:
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(FAILED) from None
    except Exception as error:
        known = _known(error)
        if known is None:
            raise
        fail(*known)
    raise SystemExit(0)


def _known(error: Exception) -> tuple[str, int] | None:
    """Message and exit code of an error that a person can act on. Imports are late: not every command has Django."""
    from mainstay.core.problems import ProblemError

    if isinstance(error, ProblemError):
        return error.detail, {404: NOT_FOUND, 400: USAGE}.get(error.status, NOT_ALLOWED)
    name = type(error).__name__
    if name == "AccessError":
        return str(error), NOT_ALLOWED
    if name in {"TelemetryError", "OperationalError"}:
        return str(error), UNAVAILABLE
    if (
        isinstance(error, ValueError)
        and type(error) is not ValueError
        and type(error).__module__.startswith("mainstay.")
    ):
        return str(error), USAGE
    return None
