"""Configuration of another machine, looked at over a real sshd."""

from datetime import timedelta
from pathlib import Path

import pytest

from mainstay.change.configs import loop, services
from mainstay.change.configs.models import Source
from mainstay.config import read
from mainstay.config import services as config
from mainstay.core import clock
from mainstay.core.access import LOCAL
from mainstay.core.problems import ProblemError
from mainstay.faces.bench import sshd
from tests.runbooks.shelf import host

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company"), pytest.mark.once]


def declared(place: Path, *patterns: str) -> None:
    files = ", ".join(f"{place}/{one}" for one in patterns)
    text = f"configurations: [{{key: pay, name: Pay, service: pay, kind: files, host: pay-1, files: [{files}]}}]"
    config.apply(LOCAL, read.read([("configurations.yaml", text)]))


def test_files_of_another_machine_are_seen_and_what_changed_in_them(ssh_server: sshd.Server, tmp_path: Path) -> None:
    host("pay-1", ssh_server.address, secret="deploy", host_key=ssh_server.host_key)
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc" / "pay.conf").write_text("timeout = 2000\npassword = hunter2-Tr0ub4dor\n")
    (tmp_path / "etc" / "with blank.conf").write_text("a = 1\n")
    declared(tmp_path, "etc/*.conf", "nothing/*")
    assert loop.run_due() == 1
    first = services.latest(Source.objects.get(key="pay"))
    assert first is not None
    assert [Path(one).name for one in services.manifest_of(first)] == ["pay.conf", "with blank.conf"]
    text = services.text_of(LOCAL, first, f"{tmp_path}/etc/pay.conf")
    assert "timeout = 2000" in text
    assert "hunter2" not in text
    (tmp_path / "etc" / "pay.conf").write_text("timeout = 35\npassword = hunter2-Tr0ub4dor\n")
    with clock.moved(timedelta(hours=1)):
        assert loop.run_due() == 1
    second = services.latest(Source.objects.get(key="pay"))
    assert second is not None
    patch = services.compared(LOCAL, second, first).patch
    assert "-timeout = 2000\n+timeout = 35" in patch


def test_what_is_not_there_and_a_machine_that_is_not_known_are_said(ssh_server: sshd.Server, tmp_path: Path) -> None:
    pay = host("pay-1", ssh_server.address, secret="deploy", host_key=ssh_server.host_key)
    declared(tmp_path, "nothing/*")
    with pytest.raises(ProblemError, match="no file on pay-1 fits"):
        services.take(LOCAL, "pay")
    pay.delete()
    with pytest.raises(ProblemError, match="there is no host 'pay-1'"):
        services.take(LOCAL, "pay")
