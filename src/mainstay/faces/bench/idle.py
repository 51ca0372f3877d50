"""What an installation costs that has nothing to do: start-up, memory, processor time."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

from mainstay.faces.bench.installation import installation
from mainstay.faces.bench.page import CONFIGURATION


@dataclass(frozen=True)
class Figure:
    """One measured figure with its goal."""

    name: str
    value: float
    unit: str
    goal: float

    @property
    def reached(self) -> bool:
        """Whether the goal is kept."""
        return self.value < self.goal


def _memory_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(seconds: float) -> list[Figure]:
    """Start an installation, let it settle, and look at its three processes for a while."""
    with installation(CONFIGURATION) as (here, _):
        ready = here.up()
        time.sleep(min(seconds, 15))
        pids = here.pids()
        before = {role: _cpu_seconds(pid) for role, pid in pids.items()}
        began = time.monotonic()
        time.sleep(seconds)
        span = time.monotonic() - began
        cpu = {role: (_cpu_seconds(pid) - before[role]) / span * 100 for role, pid in pids.items()}
        memory = {role: _memory_mb(pid) for role, pid in pids.items()}
    figures = [Figure("ready after start", ready, "s", 10.0)]
    figures += [Figure(f"memory of {role}", value, "MB", 700.0) for role, value in sorted(memory.items())]
    figures.append(Figure("memory of all", sum(memory.values()), "MB", 700.0))
    figures += [Figure(f"processor of {role}", value, "% of a core", 3.0) for role, value in sorted(cpu.items())]
    figures.append(Figure("processor of all", sum(cpu.values()), "% of a core", 3.0))
    return [Figure(one.name, round(one.value, 2), one.unit, one.goal) for one in figures]
