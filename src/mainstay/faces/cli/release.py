"""Commands on releases."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import FAILED, INCONCLUSIVE, OK, USAGE, fail, show_one, show_rows
from mainstay.faces.cli.runbooks import Inputs, pair
from mainstay.faces.cli.setup import say, use_django
from mainstay.faces.cli.work import Limit

if TYPE_CHECKING:
    from mainstay.change.releases.judge import Finding, Judgement

app = typer.Typer(help="Releases, and whether they did harm.", no_args_is_help=True)
_SHOWN = 20
_CODES = {"failed": FAILED, "inconclusive": INCONCLUSIVE}
_COLUMNS = ("verdict", "service", "instance", "metric", "before", "after", "confidence", "reason")


@app.command()
def judge(
    before: Annotated[Path, typer.Argument(help="CSV of the time before: time,service,instance,metric,value.")],
    after: Annotated[Path, typer.Argument(help="The same of the time after the release.")],
    season: Annotated[
        list[Path] | None, typer.Option(help="The same hour in an earlier week; may stand several times.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="List the metrics that passed as well.")] = False,
    exit_code: Annotated[bool, typer.Option(help="Exit with 1 when failed, 6 when inconclusive.")] = False,
    as_json: Json = False,
) -> None:
    """Judge a release from samples of before and after, in files alone: passed, failed or inconclusive, and why."""
    from mainstay.change.releases import samples
    from mainstay.change.releases.judge import judge as decide

    said = decide(samples.read(before), samples.read(after), [samples.read(one) for one in season or []])
    if as_json:
        show_one({**_overall(said), "metrics": [_row(one) for one in said.findings]}, as_json=True)
    else:
        show_one(_overall(said), as_json=False)
        listed = [one for one in said.findings if every or one.verdict != "passed"]
        print()
        show_rows([_short(one) for one in (listed if every else listed[:_SHOWN])], as_json=False)
    if exit_code:
        raise SystemExit(_CODES.get(str(said.verdict), OK))


@app.command()
def start(
    service: Annotated[str, typer.Argument(help="Key of the service.")],
    version: Annotated[str, typer.Argument(help="What is brought to production.")],
    previous: Annotated[str, typer.Option(help="The version that it replaces.")] = "",
    summary: Annotated[str, typer.Option(help="What changes for users and for the desk.")] = "",
    artefact: Annotated[str, typer.Option(help="Image, package or commit.")] = "",
    ticket: Annotated[str, typer.Option(help="Number of the change or ticket.")] = "",
    link: Annotated[str, typer.Option(help="Where the pipeline runs.")] = "",
    reference: Annotated[str, typer.Option(help="Your name for it; the same twice is the same release.")] = "",
    runbook: Annotated[str, typer.Option(help="Key of the runbook that rolls it out.")] = "",
    input_: Inputs = None,
    emergency: Annotated[str | None, typer.Option(help="Why in spite of a closed gate. It will be reviewed.")] = None,
    as_json: Json = False,
) -> None:
    """Start a release. Exit code 4 when the gate is closed; then there is none."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import releases

    given = {
        "service": service,
        "version": version,
        "previous": previous,
        "summary": summary,
        "artefact": artefact,
        "ticket": ticket,
        "link": link,
        "reference": reference,
        "runbook": runbook,
        "inputs": dict(pair(one) for one in input_ or ()),
    }
    show_one(releases.started(LOCAL, {**given, "emergency": emergency}), as_json=as_json)


@app.command()
def schedule(
    service: Annotated[str, typer.Argument(help="Key of the service.")],
    version: Annotated[str, typer.Argument(help="What is to be brought to production.")],
    at: Annotated[str, typer.Option(help="When, with its offset: 2026-03-01T22:00:00+01:00.")],
    summary: Annotated[str, typer.Option(help="What changes for users and for the desk.")] = "",
    ticket: Annotated[str, typer.Option(help="Number of the change or ticket.")] = "",
    reference: Annotated[str, typer.Option(help="Your name for it; the same twice moves it.")] = "",
    as_json: Json = False,
) -> None:
    """Write down when a release is to be rolled out. Says what else is planned then."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import releases

    given = {"service": service, "version": version, "summary": summary, "ticket": ticket, "reference": reference}
    show_one(releases.scheduled(LOCAL, {**given, "at": at}), as_json=as_json)


Release = Annotated[str, typer.Argument(help="Number of the release, such as 12 or REL-12.")]


@app.command()
def begin(
    release: Release,
    emergency: Annotated[str | None, typer.Option(help="Why in spite of a closed gate. It will be reviewed.")] = None,
    as_json: Json = False,
) -> None:
    """Begin one that was scheduled. Exit code 4 when the gate is closed."""
    use_django()
    from mainstay.change.releases import services
    from mainstay.core.access import LOCAL

    _show(services.begin(LOCAL, _number(release), emergency=emergency).pk, as_json=as_json)


@app.command()
def finish(release: Release, as_json: Json = False) -> None:
    """Say that it is rolled out everywhere: from now on it is watched."""
    use_django()
    from mainstay.change.releases import services
    from mainstay.core.access import LOCAL

    _show(services.finish(LOCAL, _number(release)).pk, as_json=as_json)


@app.command()
def verify(release: Release, as_json: Json = False) -> None:
    """Judge it now. Exit code 0 when it passed, 1 when it failed, 6 when that cannot be said."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import releases

    found = releases.verified(LOCAL, _number(release))
    _show(_number(release), as_json=as_json)
    raise SystemExit(_CODES.get(found["verdict"], OK))


@app.command("break-off")
def break_off(
    release: Release, reason: Annotated[str, typer.Option(help="Why it was not rolled out.")], as_json: Json = False
) -> None:
    """Say that it was not rolled out after all."""
    use_django()
    from mainstay.change.releases import services
    from mainstay.core.access import LOCAL

    _show(services.break_off(LOCAL, _number(release), reason).pk, as_json=as_json)


@app.command("roll-back")
def roll_back(
    release: Release, reason: Annotated[str, typer.Option(help="Why it was taken back.")], as_json: Json = False
) -> None:
    """Say that the version before runs again. The verdict and its evidence stay."""
    use_django()
    from mainstay.change.releases import services
    from mainstay.core.access import LOCAL

    _show(services.roll_back(LOCAL, _number(release), reason).pk, as_json=as_json)


@app.command("list")
def list_(
    service: Annotated[str, typer.Option(help="Key of a service.")] = "", limit: Limit = 100, as_json: Json = False
) -> None:
    """List releases, the latest first."""
    use_django()
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import releases

    show_rows(releases.listed(LOCAL, limit, service), as_json=as_json)


@app.command()
def show(release: Release, as_json: Json = False) -> None:
    """Show one with its log, its verdict, and the evidence."""
    use_django()
    _show(_number(release), as_json=as_json)


@app.command()
def report(release: Release, form: Annotated[str, typer.Option("--format", help="md, html or pdf.")] = "md") -> None:
    """Write the report on a release to standard output, with its evidence and its seal."""
    use_django()
    from mainstay.change.releases import report as reports
    from mainstay.change.releases import services
    from mainstay.core import clock, documents
    from mainstay.core.access import LOCAL
    from mainstay.faces.web import assets

    if form not in documents.FORMATS:
        fail(f"--format: write one of {', '.join(documents.FORMATS)}", USAGE)
    blocks = reports.blocks(LOCAL, services.get(LOCAL, _number(release)))
    sys.stdout.buffer.write(documents.as_file(blocks, form, assets.DIST / "fonts", clock.now()))


@app.command()
def seal(
    release: Release, text: Annotated[str, typer.Argument(metavar="SEAL", help="As it stands on a report.")]
) -> None:
    """Say whether a report is of this release as it was judged here. Exit code 1 when it is not."""
    use_django()
    from mainstay.change.releases import report as reports
    from mainstay.change.releases import services
    from mainstay.core.access import LOCAL

    if not reports.fits(LOCAL, services.get(LOCAL, _number(release)), text):
        fail(f"This is not the seal of {release}: the report, or what is kept here, is not what was judged.")
    say(f"The seal is that of {release}.")


def _number(text: str) -> int:
    bare = text.upper().removeprefix("REL-")
    if not (bare.isascii() and bare.isdigit() and len(bare) < 10):
        fail(f"{text}: write the number of a release, such as 12 or REL-12", USAGE)
    return int(bare)


def _show(number: int, *, as_json: bool) -> None:
    from mainstay.core.access import LOCAL
    from mainstay.faces.api import releases

    found = releases.shown(LOCAL, number)
    if as_json:
        show_one(found, as_json=True)
        return
    findings, log, evidence = found.pop("findings"), found.pop("log"), found.pop("evidence")
    show_one({name: value for name, value in found.items() if value not in ("", None)}, as_json=False)
    print()
    show_rows(log, as_json=False)
    if evidence:
        print()
        show_rows([{name: one[name] for name in ("verdict", "what", "said")} for one in evidence], as_json=False)
    bad = [one for one in findings if one["verdict"] != "passed"][:_SHOWN]
    if bad:
        print()
        show_rows([{name: one[name] for name in _COLUMNS} for one in bad], as_json=False)


def _overall(said: "Judgement") -> dict[str, Any]:
    worst = said.findings[0] if said.findings and said.verdict == "failed" else None
    return {
        "verdict": str(said.verdict),
        "reason": said.reason,
        "effect": _round(worst.effect) if worst else None,
        "confidence": said.confidence,
        "counts": dict(said.counts),
    }


def _row(one: "Finding") -> dict[str, Any]:
    row = {**asdict(one), "verdict": str(one.verdict), "reason": str(one.reason)}
    return {name: _round(value) if isinstance(value, float) else value for name, value in row.items()}


def _short(one: "Finding") -> dict[str, Any]:
    row = _row(one)
    effect = "-" if one.effect is None else f"{one.effect:+.0%}"
    names = ("verdict", "service", "instance", "metric", "before", "after")
    return {
        **{name: row[name] for name in names},
        "effect": effect,
        "confidence": one.confidence,
        "reason": row["reason"],
    }


def _round(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.5g}")
