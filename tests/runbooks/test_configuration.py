"""Configuration of other machines: files and commands over a real sshd."""

from pathlib import Path

import pytest

from mainstay.catalog.models import Service
from mainstay.change.configs import services
from mainstay.core.access import LOCAL
from mainstay.faces.bench import sshd
from tests.runbooks.test_ssh import known

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company"), pytest.mark.once]


def source(**more: object) -> None:
    usual = {"kind": "files", "files": [], "command": "", "url": "", "connection": "", "ignore": [], "like": ""}
    entry = {"key": "there", "name": "There", "host": "pay-1", "enabled": True, "interval": None, **usual, **more}
    services.save(LOCAL, entry, Service.objects.get(key="pay"), "")


def test_files_over_there_come_as_one_archive(ssh_server: sshd.Server, tmp_path: Path) -> None:
    known(ssh_server)
    for name in ("a.conf", "b.conf", "c.txt"):
        (tmp_path / name).write_text(f"name={name}\npassword=hunter2\n")
    source(files=[f"{tmp_path}/*.conf", f"{tmp_path}/nothing*"])
    row = services.take(LOCAL, "there")
    assert row is not None
    assert list(services.manifest_of(row)) == [str(tmp_path / "a.conf"), str(tmp_path / "b.conf")]
    text = services.text_of(LOCAL, row, str(tmp_path / "a.conf"))
    assert text.startswith("name=a.conf\npassword=[secret ")


def test_a_command_over_there_is_looked_at(ssh_server: sshd.Server) -> None:
    known(ssh_server)
    source(kind="command", command="echo one; echo two")
    row = services.take(LOCAL, "there")
    assert row is not None
    assert services.text_of(LOCAL, row, "output") == "one\ntwo\n"
