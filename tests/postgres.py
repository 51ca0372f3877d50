"""A PostgreSQL server of our own for the length of a run, in a temporary directory, on a free port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def _binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


def _as_user(command: list[str]) -> list[str]:
    """PostgreSQL refuses to run as root; the account that its package made runs it then."""
    return (
        ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", *command] if os.geteuid() == 0 else command
    )


@contextmanager
def temporary_server() -> Iterator[str | None]:
    """The address of a database that goes away afterwards; nothing when no server is installed."""
    binaries = _binaries()
    if binaries is None:
        yield None
        return
    home = Path(tempfile.mkdtemp(prefix="mainstay-pg-", dir="/tmp"))
    home.chmod(0o755)
    if os.geteuid() == 0:
        account = pwd.getpwnam("postgres")
        os.chown(home, account.pw_uid, account.pw_gid)
    data = home / "data"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def run(*command: str) -> None:
        subprocess.run(_as_user(list(command)), stdout=subprocess.DEVNULL, check=True, cwd=home)

    run(str(binaries / "initdb"), "-D", str(data), "-U", "mainstay", "-A", "trust", "-E", "UTF8")
    options = f"-p {port} -k {home} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=200"
    control = [str(binaries / "pg_ctl"), "-D", str(data), "-w", "-l", str(home / "log")]
    run(*control, "-o", options, "start")
    try:
        yield f"postgresql://mainstay@127.0.0.1:{port}/postgres"
    finally:
        run(*control, "-m", "immediate", "stop")
        shutil.rmtree(home, ignore_errors=True)
