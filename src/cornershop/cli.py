"""The command line: up, break, heal, restart, faults, status."""

import argparse
import json
import sqlite3
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cornershop import __version__
from cornershop.layout import Plan, Shop, ShopError

if TYPE_CHECKING:
    from cornershop.faults import Scene


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0, 1 for an unhealthy status, 2 for what cannot be done."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.command(options))
    except sqlite3.OperationalError as failure:
        print(f"cornershop: the database said: {failure}; try again in a moment", file=sys.stderr)
        return 2
    except ShopError as failure:
        print(f"cornershop: {failure}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="cornershop", description="A small real shop to be watched and broken.")
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    plan = Plan()

    up = commands.add_parser("up", help="run the shop in the foreground")
    up.add_argument("--base-port", type=int, default=plan.base_port, help="first of the ports (default: %(default)s)")
    up.add_argument("--speed", type=_positive, default=plan.speed, help="traffic; 1 is two orders a second")
    up.add_argument("--settlement-every", type=_positive, default=plan.settlement_every, help="seconds between runs")
    up.add_argument("--seed", type=int, default=plan.seed, help="of the traffic and the provider")
    up.set_defaults(command=_up)

    faults = commands.add_parser("faults", help="list the faults that can be made")
    faults.add_argument("--json", action="store_true")
    faults.set_defaults(command=_faults)

    break_ = commands.add_parser("break", help="make a fault")
    break_.add_argument("fault")
    break_.set_defaults(command=_break)

    heal = commands.add_parser("heal", help="heal a fault, or everything")
    heal.add_argument("fault", nargs="?", help="without it: heal everything and correct wrong rows")
    heal.add_argument("--repair", action="store_true", help="also correct the rows that a healed fault left wrong")
    heal.set_defaults(command=_heal)

    for command in (break_, heal):
        command.add_argument("--change-url", help="where to POST change events (default: $CORNERSHOP_CHANGE_URL)")
        command.add_argument("--change-token-file", help="bearer token (default: $CORNERSHOP_CHANGE_TOKEN_FILE)")

    restart = commands.add_parser("restart", help="restart one process")
    restart.add_argument("service")
    restart.set_defaults(command=_restart)

    status = commands.add_parser("status", help="what runs, and what is broken")
    status.add_argument("--json", action="store_true")
    status.set_defaults(command=_status)

    run = commands.add_parser("run", help="be one process of the shop; for `up`")
    run.add_argument("service")
    run.set_defaults(command=_run)

    for command in (up, break_, heal, restart, status, run):
        command.add_argument("--dir", type=Path, required=True, help="the directory of the shop")
    return parser


def _positive(text: str) -> float:
    value = float(text)
    if value <= 0:
        raise argparse.ArgumentTypeError("must be greater than 0")
    return value


# The commands import what they need themselves: a service process should not carry the supervisor and the faults.


def _up(options: argparse.Namespace) -> int:
    from cornershop.supervisor import Supervisor

    plan = Plan(options.base_port, options.speed, options.settlement_every, options.seed)
    Supervisor(Shop(options.dir.resolve(), plan)).run()
    return 0


def _run(options: argparse.Namespace) -> int:
    from cornershop.services import run

    run(options.service, options.dir)
    return 0


def _faults(options: argparse.Namespace) -> int:
    from cornershop.faults import FAULTS

    keys = ("name", "summary", "service", "metric", "log_line", "business_effect", "workaround")
    if options.json:
        print(json.dumps([{key: getattr(fault, key) for key in keys} for fault in FAULTS.values()], indent=2))
        return 0
    for fault in FAULTS.values():
        print(f"{fault.name}: {fault.summary}")
        for key in keys[2:]:
            print(f"    {key.replace('_', ' ') + ':':<17}{getattr(fault, key)}")
    return 0


def _break(options: argparse.Namespace) -> int:
    from cornershop.faults import FAULTS

    fault = FAULTS.get(options.fault)
    if fault is None:
        raise ShopError(f"no such fault: {options.fault}; there are: {', '.join(FAULTS)}")
    scene = _scene(options)
    if fault.is_active(scene.shop):
        raise ShopError(
            f"{fault.name} is active already; heal it with: cornershop heal {fault.name} --dir {options.dir}"
        )
    fault.break_it(scene)
    print(f"{fault.name}: {fault.summary}")
    return 0


def _heal(options: argparse.Namespace) -> int:
    from cornershop.faults import FAULTS
    from cornershop.faults.payments import repair_rows

    if options.fault is not None and options.fault not in FAULTS:
        raise ShopError(f"no such fault: {options.fault}; there are: {', '.join(FAULTS)}")
    scene = _scene(options)
    everything = options.fault is None
    chosen = [
        fault
        for fault in FAULTS.values()
        if fault.name == options.fault or (everything and fault.is_active(scene.shop))
    ]
    for fault in chosen:
        left = fault.heal(scene)
        print(f"{fault.name}: healed" + (f"; {left}" if left and not options.repair else ""))
    if everything or options.repair:
        print(f"corrected {repair_rows(scene.shop)} payment row(s)")
    return 0


def _restart(options: argparse.Namespace) -> int:
    from cornershop.supervisor import restart

    restart(Shop.load(options.dir), options.service)
    print(f"{options.service}: restarted")
    return 0


def _status(options: argparse.Namespace) -> int:
    from cornershop.faults import FAULTS
    from cornershop.supervisor import healthy, require_running

    shop = Shop.load(options.dir)
    running = require_running(shop)
    health = {name: healthy(shop, name) for name in running["services"]}
    active = [fault.name for fault in FAULTS.values() if fault.is_active(shop)]
    if options.json:
        print(json.dumps({"healthy": health, "active_faults": active, **running}, indent=2))
    else:
        for name, at in running["services"].items():
            print(f"{name:<11} {'answers' if health[name] else 'NO ANSWER':<10} {at['url']} pid {at['pid']}")
        print("active faults: " + (", ".join(active) or "none"))
    return 0 if all(health.values()) and not active else 1


def _scene(options: argparse.Namespace) -> "Scene":
    from cornershop.changes import ChangeReporter
    from cornershop.faults import Scene
    from cornershop.supervisor import require_running

    shop = Shop.load(options.dir)
    require_running(shop)
    return Scene(shop, ChangeReporter.from_settings(shop, options.change_url, options.change_token_file))
