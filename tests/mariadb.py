"""A MariaDB server of our own for the length of a run, in a temporary directory, on a free port."""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_SECONDS = 60.0
ACCOUNTS = """
CREATE USER IF NOT EXISTS 'mainstay'@'%';
GRANT ALL PRIVILEGES ON *.* TO 'mainstay'@'%' WITH GRANT OPTION;
"""


def _binary(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/bin")


def _as_user(command: list[str]) -> list[str]:
    """MariaDB refuses to run as root; the account that its package made runs it then."""
    return ["setpriv", "--reuid=mysql", "--regid=mysql", "--init-groups", *command] if os.geteuid() == 0 else command


def _await(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    """Wait until the server greets: it listens before it has read its tables, and says nothing until then."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
                if connection.recv(1):
                    return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"MariaDB did not start:\n{log.read_text()[-2000:]}")


@contextmanager
def temporary_server() -> Iterator[str | None]:
    """The address of a server without databases that goes away afterwards; nothing when none is installed.

    The account may do everything. The server process's id is in ``<home>/pid`` for tests that kill it.
    """
    server, install = _binary("mariadbd"), _binary("mariadb-install-db")
    if server is None or install is None:
        yield None
        return
    home = Path(tempfile.mkdtemp(prefix="mainstay-my-", dir="/tmp"))
    home.chmod(0o755)
    (home / "accounts.sql").write_text(ACCOUNTS)
    if os.geteuid() == 0:
        account = pwd.getpwnam("mysql")
        os.chown(home, account.pw_uid, account.pw_gid)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make = [install, "--no-defaults", f"--datadir={home}/data", "--auth-root-authentication-method=normal"]
    subprocess.run(
        _as_user([*make, "--skip-test-db"]), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, cwd=home
    )
    options = [
        *("--no-defaults", f"--datadir={home}/data", f"--socket={home}/socket", f"--pid-file={home}/pid"),
        *("--bind-address=127.0.0.1", f"--port={port}", f"--init-file={home}/accounts.sql"),
        *("--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=128M"),
        *("--character-set-server=utf8mb4", "--max-connections=200", "--innodb-flush-method=nosync"),
    ]
    log = home / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(_as_user([server, *options]), stdout=output, stderr=output, cwd=home)
    try:
        _await(process, port, log)
        yield f"mysql+pymysql://mainstay@127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()
        shutil.rmtree(home, ignore_errors=True)
