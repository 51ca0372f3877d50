"""Commands of the demo."""

import json
import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mainstay.faces.cli.operate import Json
from mainstay.faces.cli.output import USAGE, fail

if TYPE_CHECKING:
    from mainstay.faces.demo.run import Places

app = typer.Typer(help="A live application to try Mainstay on.", no_args_is_help=True)
Home = Annotated[Path, typer.Option("--dir", help="Directory of the demo.")]
HOME = Path("demo-data")


class Armed(StrEnum):
    """Whether a remedy runs by itself."""

    ON = "on"
    OFF = "off"


@app.command()
def up(
    home: Home = HOME,
    port: Annotated[int, typer.Option(help="Port of Mainstay.")] = 8000,
    shop_port: Annotated[int, typer.Option(help="First port of the shop.")] = 18080,
) -> None:
    """Start the shop and Mainstay watching it, and print a sign-in link."""
    from mainstay.faces.demo.run import Demo, DemoError, places

    try:
        raise SystemExit(Demo(places(home.absolute(), port, shop_port), print).run())
    except DemoError as error:
        fail(str(error))


@app.command("break")
def break_(
    fault: Annotated[str, typer.Argument(help="Which fault. Without it they are listed.")] = "",
    home: Home = HOME,
    as_json: Json = False,
) -> None:
    """Break the shop, or list what can be broken and what should then be seen."""
    if not fault:
        _shop(["faults", *_json(as_json)])
    _shop(["break", fault, "--dir", str(home / "shop")], home)


@app.command()
def heal(
    fault: Annotated[str, typer.Argument(help="Which fault. Without it all of them.")] = "", home: Home = HOME
) -> None:
    """Make the shop whole again."""
    _shop(["heal", *([fault] if fault else []), "--dir", str(home / "shop")], home)


@app.command()
def status(home: Home = HOME, as_json: Json = False) -> None:
    """Show what answers in the shop and what is broken."""
    _shop(["status", *_json(as_json), "--dir", str(home / "shop")], home)


def _json(wanted: bool) -> list[str]:
    return ["--json"] if wanted else []


@app.command()
def link(
    person: Annotated[str, typer.Argument(help="Whose, such as ben@shop.example. Without it Ana's.")] = "",
    home: Home = HOME,
) -> None:
    """Print a new one-time sign-in link."""
    from mainstay.faces.demo.run import RESPONDER, mainstay

    print(mainstay(_places(home), "person", "link", person or RESPONDER))


@app.command()
def remedy(
    state: Annotated[Armed, typer.Argument(help="Whether it runs by itself.")],
    home: Home = HOME,
) -> None:
    """Let the demo mend its fault config-change by itself, or leave that to people, as at first."""
    from mainstay.faces.demo.run import REMEDY, mainstay

    mainstay(_places(home), "runbook", "switch-remedy", REMEDY, f"--{state.value}")
    print(f"The remedy {REMEDY} is {state.value}.")


@app.command()
def release(
    bad: Annotated[
        bool, typer.Option("--bad", help="One that does harm: the fault bad-release comes with it.")
    ] = False,
    home: Home = HOME,
) -> None:
    """Roll a release of stock out, as a pipeline does, and have it watched."""
    from mainstay.faces.demo.run import mainstay

    where, version = _places(home), "4.1.8" if bad else "4.1.7"
    told = mainstay(where, "release", "start", "stock", version, "--previous", "4.1.7" if bad else "4.1.6", "--json")
    number = str(json.loads(told)["release"]).removeprefix("REL-")
    if bad and (code := _shop_code(["break", "bad-release", "--dir", str(home / "shop")], home)):
        raise SystemExit(code)
    mainstay(where, "release", "finish", number)
    print(f"Stock {version} is rolled out and watched. Have it judged whenever you like: {where.url}/releases/{number}")


def _places(home: Path) -> "Places":
    from mainstay.faces.demo.run import places

    if not (home / "demo.json").exists():
        fail(f"no demo in {home}; start it with 'mainstay demo up'", USAGE)
    return places(home.absolute(), 0, 0)


def _shop(words: list[str], home: Path | None = None) -> None:
    """Hand the command to the shop, and end as it does."""
    raise SystemExit(_shop_code(words, home))


def _shop_code(words: list[str], home: Path | None) -> int:
    """Hand the command to the shop, which reports its changes to Mainstay as a pipeline would."""
    env = dict(os.environ)
    if home is not None:
        where = _places(home)
        env["CORNERSHOP_CHANGE_URL"] = f"{where.url}/api/v1/changes"
        env["CORNERSHOP_CHANGE_TOKEN_FILE"] = str(where.token)
    return subprocess.run([sys.executable, "-m", "cornershop", *words], env=env, check=False).returncode
