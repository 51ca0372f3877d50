"""Commands on plans of releases."""

from typing import Annotated

import typer
import yaml

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import FAILED, INCONCLUSIVE, show_one, show_rows
from mainstay.faces.cli.setup import use_django
from mainstay.faces.cli.work import Limit

Key = Annotated[str, typer.Argument(help="Key of the plan.")]
_SHOWN = ("verdict", "what", "said")


def register(app: typer.Typer) -> None:
    """Put the commands into their group."""
    app.command("plans")(plans)
    app.command("plan")(plan)
    app.command("try-plan")(try_plan)
    app.command("draft-plan")(draft_plan)


def plans(limit: Limit = 100, as_json: Json = False) -> None:
    """List plans: what is looked at after releases, for each service."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import release_plans

    show_rows(release_plans.listed(LOCAL, limit), as_json=as_json)


def plan(key: Key, as_json: Json = False) -> None:
    """Show a plan with its steps."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import release_plans

    found = release_plans.shown(LOCAL, key)
    if as_json:
        show_one(found, as_json=True)
    else:
        print(yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=110), end="")


def try_plan(key: Key, as_json: Json = False) -> None:
    """Carry a plan out now; no release is judged by it. Exit code 1 when a step fails, 6 when one cannot tell."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import release_plans

    found = release_plans.tried(LOCAL, key)
    rows = found["evidence"]
    if as_json:
        show_one(found, as_json=True)
    else:
        show_rows([{name: one[name] for name in _SHOWN} for one in rows], as_json=False)
    verdicts = {one["verdict"] for one in rows}
    raise SystemExit(FAILED if "failed" in verdicts else INCONCLUSIVE if "inconclusive" in verdicts else 0)


def draft_plan(service: Annotated[str, typer.Argument(help="Key of the service.")]) -> None:
    """Write the first draft of a plan to standard output, from what is known of a service. Nothing of it is active."""
    use_django()
    from mainstay.change.releases.plans import draft
    from mainstay.core.access import LOCAL

    print(draft.draft(LOCAL, service), end="")
