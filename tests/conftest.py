"""What several packages of tests share: a real sshd."""

from collections.abc import Iterator

import pytest

from mainstay.core import secrets
from mainstay.faces.bench import sshd
from tests.parts import need


@pytest.fixture(scope="session")
def ssh_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[sshd.Server]:
    """A server that lets the key of the secret ``deploy`` in."""
    need("sshd", "/usr/sbin/sshd")
    with sshd.running(tmp_path_factory.mktemp("sshd")) as server:
        secrets.put("deploy", server.private_key)
        yield server
