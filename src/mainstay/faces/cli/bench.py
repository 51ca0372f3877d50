"""Commands that measure Mainstay on this machine."""

import json
import signal
import tempfile
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import FAILED, USAGE, fail, show_rows
from mainstay.faces.cli.setup import use_django

app = typer.Typer(help="Measure Mainstay on this machine.", no_args_is_help=True)
Seed = Annotated[int, typer.Option(help="Start of the random numbers, so that a run can be repeated.")]


@app.callback()
def _ends() -> None:
    """A measurement that is told to end takes with it what it has started, as after Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@app.command()
def page(
    alerts: Annotated[int, typer.Option(help="How many alerts to post.")] = 300,
    samples: Annotated[int, typer.Option(help="How many breaching samples to send.")] = 120,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure the time from a breaching sample, and from a posted alert, to the page handed to the mail server."""
    from mainstay.faces.bench import page as bench

    found = bench.run(alerts, samples, seed)
    rows = [{**asdict(one), "reached": one.reached} for one in found]
    if not as_json:
        rows = [{k: f"{v:.3f} s" if isinstance(v, float) else v for k, v in row.items()} for row in rows]
    show_rows(rows, as_json=as_json)
    if not all(one.reached for one in found):
        raise SystemExit(FAILED)


@app.command()
def idle(
    seconds: Annotated[float, typer.Option(help="How long to look.")] = 60.0,
    as_json: Json = False,
) -> None:
    """Measure start-up time, and memory and processor time of an installation with nothing to do."""
    from mainstay.faces.bench import idle as bench

    found = bench.run(seconds)
    show_rows([{**asdict(one), "reached": one.reached} for one in found], as_json=as_json)
    if not all(one.reached for one in found):
        raise SystemExit(FAILED)


@app.command()
def crash(
    seeds: Annotated[int, typer.Option(help="How many runs, each with its own random moments.")] = 5,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Kill web, worker and engine at random moments under a stream of alerts, and count what was lost or doubled."""
    from mainstay.faces.bench import crash as bench

    found = [bench.run(seed + number) for number in range(seeds)]
    show_rows([{**asdict(one), "held": one.held} for one in found], as_json=as_json)
    if not all(one.held for one in found):
        raise SystemExit(FAILED)


@app.command()
def gate(
    entries: Annotated[int, typer.Option(min=1, help="How many entries the calendar holds.")] = 500,
    asks: Annotated[int, typer.Option(min=10, help="How many times to ask.")] = 500,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how long the gate takes to answer, on a fresh SQLite database with a busy calendar."""
    from mainstay.faces.bench import gate as bench

    found = bench.run(entries, asks, seed)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def levels(
    objectives: Annotated[int, typer.Option(min=10, help="How many objectives are computed.")] = 1000,
    incidents: Annotated[int, typer.Option(min=10, help="How many incidents have their clocks evaluated.")] = 10_000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure service levels: a pass over objectives, the clocks of incidents, and the gate with budgets."""
    from mainstay.faces.bench import levels as bench

    found = bench.run(objectives, incidents, seed)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def configs(
    files: Annotated[int, typer.Option(min=10, help="How many files of configuration.")] = 10_000,
    changed: Annotated[int, typer.Option(min=1, help="How many of them change.")] = 500,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure a look at many files and the difference of two, and search the store for a secret."""
    from mainstay.faces.bench import configs as bench

    found = bench.run(files, changed, seed)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command("sql-judge")
def sql_judge(
    corpus: Annotated[Path, typer.Argument(help="A file such as postgres.jsonl, or a directory of them.")],
    rounds: Annotated[int, typer.Option(min=1, help="How often to judge each statement.")] = 5,
    as_json: Json = False,
) -> None:
    """Measure how quickly statements are judged, count wrong passes and false refusals, and time hostile statements."""
    from mainstay.faces.bench import sql_judge as bench

    try:
        found = bench.run(corpus, rounds)
    except bench.CorpusError as error:
        fail(str(error), USAGE)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command("sql-correct")
def sql_correct(
    rows: Annotated[int, typer.Option(min=100, help="How many rows to correct.")] = 10_000,
    rounds: Annotated[int, typer.Option(min=1, help="How often, in turn with the bare statement.")] = 7,
    as_json: Json = False,
) -> None:
    """Measure a correction with its images beside the bare UPDATE in one transaction."""
    from mainstay.faces.bench import sql_correct as bench

    found = bench.run(rows, rounds)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached for one in found):
        raise SystemExit(FAILED)


@app.command("sql-archive")
def sql_archive(
    rows: Annotated[int, typer.Option(min=1000, help="How many rows to archive.")] = 5_000_000,
    rest: Annotated[int, typer.Option(min=0, help="Rest after a batch while others work, in percent.")] = 50,
    milliseconds: Annotated[int, typer.Option(min=10, help="What a batch aims at.")] = 200,
    as_json: Json = False,
) -> None:
    """Measure an archival job on PostgreSQL beside COPY and DELETE by hand, and what others feel of it."""
    from mainstay.faces.bench import sql_archive as bench

    found = bench.run(rows, rest, milliseconds)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def runbooks(
    targets: Annotated[int, typer.Option(min=1, help="How many targets over SSH.")] = 1000,
    concurrency: Annotated[int, typer.Option(min=1, max=1000, help="How many at once.")] = 100,
    rounds: Annotated[int, typer.Option(min=1, help="How often, in turn with bare asyncssh.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure a run over a local sshd beside bare asyncssh, its memory, and the panic stop. Needs openssh-server."""
    from mainstay.faces.bench import runbooks as bench

    found = bench.run(targets, concurrency, rounds)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def release(
    cases: Annotated[int, typer.Option(min=10, help="How many labelled releases to judge.")] = 240,
    seed: Annotated[int, typer.Option(help="The first one; the judge was built on those below 100.")] = 2000,
    seconds: Annotated[float, typer.Option(min=90, help="How long each scene of the shop is recorded.")] = 90.0,
    recording: Annotated[
        Path | None, typer.Option(help="Parquet file of a recording: used when it is there, else written.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Judge labelled releases made of recordings of the demo shop, beside Kayenta's judge, and time the judge."""
    import polars as pl

    from mainstay.faces.bench import release as bench
    from mainstay.faces.bench.release_record import record
    from mainstay.faces.bench.release_windows import Maker

    known = recording is not None and recording.exists()
    frame = pl.read_parquet(recording) if recording is not None and known else record(seconds)
    if recording is not None and not known:
        frame.write_parquet(recording, compression="zstd")
    told = bench.told(Maker(frame), cases, seed, lambda one: typer.echo(one.line(), err=True))
    found = [*bench.figures(told), *bench.speed(seed)]
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def checks(
    checks: Annotated[int, typer.Option(min=1, help="How many checks.")] = 200,
    interval: Annotated[float, typer.Option(min=1.0, help="Seconds between two runs of each.")] = 30.0,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long to measure, once each has run.")] = 60.0,
    command: Annotated[str, typer.Option(help="What each runs, such as a plugin of Nagios.")] = "/bin/true",
    as_json: Json = False,
) -> None:
    """Measure how many script checks a worker keeps up with, how late they are, and what a run of one costs."""
    from mainstay.faces.bench import checks as bench

    found = bench.run(checks, interval, seconds, command)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def promql(directory: Path, as_json: Json = False) -> None:
    """Run expression tests in Prometheus's own test language and count those that hold, fail and are refused."""
    from mainstay.observe.metrics.promql import conformance

    if not directory.is_dir():
        fail(f"{directory} is not a directory", USAGE)
    with tempfile.TemporaryDirectory(prefix="mainstay-promql-") as place:
        # The engine library takes one directory a process, so all files share one store in turn.
        store = conformance.ChdbStore(place)
        report = conformance.run_directory(directory, lambda: store)
    if as_json:
        print(json.dumps(report.to_dict(), indent=2))
    else:
        print(report.table())
    if any(file.count("fail") for file in report.files):
        raise SystemExit(FAILED)


@app.command()
def logs(
    labelled: Annotated[
        Path | None, typer.Option(help="Directory of labelled sets; without it accuracy is not measured.")
    ] = None,
    lines: Annotated[int, typer.Option(min=10_000, help="How many lines to make for speeds.")] = 2_000_000,
    seed: Seed = 1,
    part: Annotated[str, typer.Option(help="patterns, tagging, intake, files, search or diff; empty for all.")] = "",
    as_json: Json = False,
) -> None:
    """Measure patterns, intake, disk, searches and comparisons of logs."""
    use_django()
    from mainstay.faces.bench import logs as bench

    known = bench.parts(labelled, lines, seed)
    if part and part not in known:
        fail(f"--part: write one of {', '.join(known)}", USAGE)
    found = [one for name, measure in known.items() if part in {"", name} for one in measure()]
    rows = [{**asdict(one), "reached": one.reached} for one in found]
    show_rows(rows, as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command("known-errors")
def known_errors(
    similar: Annotated[
        Path | None, typer.Option(help="Directory with issues.csv and duplicates.csv, to measure likeness on.")
    ] = None,
    seeds: Annotated[int, typer.Option(min=0, help="How often to make each fault of the demo; 0 for not at all.")] = 3,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how quickly and how rightly known errors are found."""
    use_django()
    from mainstay.faces.bench import known_errors as bench

    found = bench.speed(seed)
    if similar:
        found += bench.similar(similar)
    if seeds:
        found += bench.judged(bench.labelled(seeds, seed))
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def similar(
    directory: Annotated[
        Path | None, typer.Option("--set", help="Directory with issues.csv and duplicates.csv, to measure likeness on.")
    ] = None,
    incidents: Annotated[int, typer.Option(min=0, help="How many incidents to ask among; 0 for not at all.")] = 100_000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how rightly and how quickly earlier incidents like one are found."""
    use_django()
    from mainstay.faces.bench import similar as bench

    found = bench.similar(directory) if directory else []
    if incidents:
        found += bench.speed(incidents, seed)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if not all(one.reached in {True, None} for one in found):
        raise SystemExit(FAILED)


@app.command()
def diagnosis(
    services: Annotated[Path | None, typer.Option(help="Directory of cases whose cause is a service.")] = None,
    changes: Annotated[Path | None, typer.Option(help="Directory of cases whose cause is a commit, or none.")] = None,
    quiet: Annotated[int, typer.Option(help="How many quiet windows to make of the normal time of --services.")] = 200,
    large: Annotated[bool, typer.Option(help="Measure one case of 100 services and 2 million lines.")] = True,
    seeds: Annotated[int, typer.Option(min=0, help="How often to make each fault of the demo; 45 minutes each.")] = 0,
    beside: Annotated[int, typer.Option(min=1, help="How many demos run at the same time, one a seed.")] = 1,
    keep: Annotated[Path | None, typer.Option(help="Where the case folders of the demo's faults stay.")] = None,
    kept: Annotated[
        Path | None, typer.Option(exists=True, file_okay=False, help="Judge the cases again that an earlier run kept.")
    ] = None,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how often the true cause is named, how often nothing is rightly said, and how long it takes."""
    from mainstay.faces.bench import diagnosis as bench
    from mainstay.faces.bench import diagnosis_demo

    found = [
        *(bench.services(services, quiet, seed, partial(typer.echo, err=True)) if services else ()),
        *(bench.changes(changes, partial(typer.echo, err=True)) if changes else ()),
        *(bench.large(seed) if large else ()),
        *(diagnosis_demo.figures(diagnosis_demo.again(kept)) if kept else ()),
        *(diagnosis_demo.figures(diagnosis_demo.run(seeds, seed, beside, keep)) if seeds else ()),
    ]
    show_rows([asdict(one) for one in found], as_json=as_json)
    if any(one.reached is False for one in found):
        raise SystemExit(FAILED)


@app.command()
def escalation(
    lines: Annotated[int, typer.Option(min=10_000, help="Log lines in the window of the incident.")] = 2_000_000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how long a case for developers takes to build, and whether a stranger finds ten answers in each."""
    from mainstay.faces.bench import escalation as bench

    found = bench.run(lines, seed, partial(typer.echo, err=True))
    show_rows([asdict(one) for one in found], as_json=as_json)
    if any(one.reached is False for one in found):
        raise SystemExit(FAILED)


@app.command()
def reports(
    incidents: Annotated[int, typer.Option(min=100, help="Incidents in the month, and in the one before.")] = 10_000,
    seed: Seed = 1,
    as_json: Json = False,
) -> None:
    """Measure how long the report of a busy month takes, on a fresh SQLite database."""
    from mainstay.faces.bench import reports as bench

    found = bench.run(incidents, seed)
    show_rows([asdict(one) for one in found], as_json=as_json)
    if any(one.reached is False for one in found):
        raise SystemExit(FAILED)
