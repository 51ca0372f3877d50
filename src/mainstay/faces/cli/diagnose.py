"""``mainstay diagnose``: who is to blame, from a case folder alone or for an incident."""

import re
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import INCONCLUSIVE, OK, USAGE, fail, show_one, show_rows
from mainstay.faces.cli.setup import say, use_django

_INCIDENT = re.compile(r"(?i)(?:INC-)?\d+")


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(diagnose)
    app.command("confirm-cause")(confirm_cause)
    app.command("diagnosis-score")(diagnosis_score)


def diagnose(
    what: Annotated[str, typer.Argument(metavar="CASE", help="A case folder, which needs no server; or INC-3.")],
    write: Annotated[Path | None, typer.Option(help="Write the case of an incident down as a folder, and end.")] = None,
    exit_code: Annotated[bool, typer.Option(help="Exit with 6 when there is not enough evidence.")] = False,
    as_json: Json = False,
) -> None:
    """Rank the services and changes that may be to blame for a disturbance, with the evidence."""
    if Path(what).is_dir() or not _INCIDENT.fullmatch(what):
        said = _of_folder(Path(what))
    elif write is not None:
        _write(what, write)
        return
    else:
        use_django()
        from mainstay.core.access import LOCAL
        from mainstay.faces.api import diagnosis

        said = diagnosis.again(LOCAL, what)
    if as_json:
        show_one(said, as_json=True)
    else:
        _show(said)
    if exit_code:
        raise SystemExit(OK if said["services"] else INCONCLUSIVE)


def confirm_cause(
    incident: Annotated[str, typer.Argument(help="Such as INC-3.")],
    service: Annotated[str, typer.Option(help="Key of the service that was to blame; empty: none.")],
    change: Annotated[str, typer.Option(help="Id of the change that did it; empty: none.")] = "",
    note: Annotated[str, typer.Option(help="How that is known.")] = "",
    as_json: Json = False,
) -> None:
    """Say what an incident really was. It becomes a case that the diagnosis is measured on."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import diagnosis

    show_one(diagnosis.cause(LOCAL, incident, service, change, note), as_json=as_json)


def diagnosis_score(as_json: Json = False) -> None:
    """Show how often the diagnosis was right about what was confirmed, beside chance."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import diagnosis

    show_one(diagnosis.own_score(LOCAL), as_json=as_json)


def _of_folder(folder: Path) -> dict[str, Any]:
    from mainstay.learn.diagnosis import folder as cases
    from mainstay.learn.diagnosis.domain import diagnose as decide
    from mainstay.learn.diagnosis.domain.reporting import plain

    try:
        return plain(decide(cases.read(folder)))
    except cases.FolderError as error:
        fail(str(error), USAGE)


def _write(incident: str, place: Path) -> None:
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api.numbers import number
    from mainstay.learn.diagnosis import confirmed, services
    from mainstay.learn.diagnosis import folder as cases

    if place.exists() and any(place.iterdir()):
        fail(f"--write: {place} is not empty; name a new directory", USAGE)
    cases.write(services.case(LOCAL, number(incident)), place)
    known = confirmed.of_incident(LOCAL, number(incident))
    if known is not None:
        (place / "truth.json").write_bytes(orjson.dumps(confirmed.truth_of(known), option=orjson.OPT_INDENT_2))
    say(f"The case is in {place}. Read it with: mainstay diagnose {place}")


def _show(said: dict[str, Any]) -> None:
    rows = [
        {"kind": one["kind"], "name": one["name"], "confidence": one["confidence"], "reason": one["reason"][:160]}
        for one in (*said["services"], *said["changes"])
    ]
    show_rows(rows, as_json=False)
    for sentence in (said["reason"] if not said["services"] else "", said["changes_reason"]):
        if sentence:
            print(sentence)
    if said["missing"]:
        print(f"Not known: {', '.join(said['missing'])}.")
