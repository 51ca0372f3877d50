"""Commands on releases."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import FAILED, INCONCLUSIVE, OK, show_one, show_rows

if TYPE_CHECKING:
    from mainstay.change.releases.judge import Finding, Judgement

app = typer.Typer(help="Releases, and whether they did harm.", no_args_is_help=True)
_SHOWN = 20


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
        raise SystemExit({"failed": FAILED, "inconclusive": INCONCLUSIVE}.get(said.verdict, OK))


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
