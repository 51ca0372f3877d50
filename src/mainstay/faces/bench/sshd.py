"""An sshd on a free port of this machine, run as whoever runs this, with keys of its own."""

import getpass
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mainstay.faces.bench.installation import free_port

# sshd calls itself anew for each connection and wants its whole path for that.
PROGRAM = next((one for one in ("/usr/sbin/sshd", "/usr/local/sbin/sshd") if Path(one).exists()), shutil.which("sshd"))


@dataclass(frozen=True)
class Server:
    """Where it listens, the key that it is known by, and the key that it lets in."""

    port: int
    host_key: str
    private_key: str

    @property
    def address(self) -> str:
        """As an entry of a host names it."""
        return f"{getpass.getuser()}@127.0.0.1:{self.port}"


def keygen(path: Path) -> str:
    """A key pair without passphrase. Returns the public key as known_hosts has it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True)
    return " ".join(path.with_suffix(".pub").read_text(encoding="ascii").split()[:2])


@contextmanager
def running(place: Path) -> Iterator[Server]:
    """The server for the length of a block."""
    host_key = keygen(place / "host")
    (place / "authorized_keys").write_text(keygen(place / "client") + "\n", encoding="ascii")
    if os.geteuid() == 0:
        # Where sshd keeps its part without rights; the service of the system would have made it.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    (place / "sshd_config").write_text(
        f"Port {port}\nListenAddress 127.0.0.1\nHostKey {place}/host\nPidFile {place}/pid\n"
        f"AuthorizedKeysFile {place}/authorized_keys\nStrictModes no\nUsePAM no\nPasswordAuthentication no\n"
        "PermitRootLogin prohibit-password\nMaxStartups 1000:30:2000\nLogLevel QUIET\n"
        # Bash reads the ~/.bashrc of the account for commands over SSH, unless it is not the first shell.
        "SetEnv SHLVL=2\n",
        encoding="utf-8",
    )
    process = subprocess.Popen([str(PROGRAM), "-D", "-e", "-f", str(place / "sshd_config")], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while not (place / "pid").exists():
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("sshd does not start")
            time.sleep(0.05)
        yield Server(port, host_key, (place / "client").read_text(encoding="ascii"))
    finally:
        process.terminate()
        process.wait()
