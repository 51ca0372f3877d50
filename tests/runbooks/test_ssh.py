"""Steps on other machines: a real sshd, whose key is enforced, also behind a bastion."""

from pathlib import Path

import pytest

from mainstay.faces.bench import sshd
from mainstay.restore.runbooks import hosts, services
from mainstay.restore.runbooks.execution.ssh import quoted
from mainstay.restore.runbooks.models import Host, Run
from tests.runbooks.shelf import again, cell, done, draft, host, person, said, states, step, work, write

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("company"), pytest.mark.once]


def known(server: sshd.Server, key: str = "pay-1", **fields: object) -> Host:
    return host(key, server.address, secret="deploy", host_key=server.host_key, **fields)


def test_a_step_runs_on_each_target_with_its_values_as_data(ssh_server: sshd.Server) -> None:
    for number in range(1, 4):
        known(ssh_server, f"pay-{number}", groups=["pay"])
    hostile = '\'; touch /tmp/never; echo "$(id)" `id` {{ 7 * 7 }} \\ \n $HOME *'
    write(
        step("shell id=say", 'printf "%s|%s" "$INPUT_word" "$RUNBOOK_TARGET"; cat'),
        step("python id=also", "import os\nprint(os.environ['INPUT_word'], end='')"),
        targets="{groups: [pay]}",
        inputs="[{name: word}]",
    )
    run = done(draft(inputs={"word": hostile}))
    assert run.state == Run.State.DONE, run.state_reason
    for number in range(1, 4):
        assert said(run, "say", f"pay-{number}") == f"{hostile}|pay-{number}"
        assert said(run, "also", f"pay-{number}") == hostile


def test_a_key_that_is_not_the_one_that_is_known_is_refused(ssh_server: sshd.Server, tmp_path: Path) -> None:
    other = sshd.keygen(tmp_path / "other")
    host("changed", ssh_server.address, secret="deploy", host_key=other)
    host("unknown", ssh_server.address, secret="deploy")
    write(step("shell id=say", f"touch {tmp_path}/never"), targets="[changed, unknown]", max_errors=1)
    run = done(draft(targets=["changed", "unknown"]))
    assert (run.state, states(run)) == (Run.State.FAILED, {"say@changed": "failed", "say@unknown": "failed"})
    for name in ("changed", "unknown"):
        assert "is not known, or has changed" in cell(run, "say", name).outcome
    assert not (tmp_path / "never").exists()


def test_a_file_of_known_hosts_is_believed(
    ssh_server: sshd.Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    file = tmp_path / "known_hosts"
    file.write_text(f"[127.0.0.1]:{ssh_server.port} {ssh_server.host_key}\n")
    monkeypatch.setattr(hosts, "known_hosts_file", lambda: file)
    host("pay-1", ssh_server.address, secret="deploy")
    write(step("shell id=say", "echo hello"), targets="[pay-1]")
    assert said(done(draft())) == "hello\n"


def test_through_a_bastion(ssh_server: sshd.Server) -> None:
    known(ssh_server, "door")
    known(ssh_server, "inner", via="door")
    write(step("shell id=say", 'echo "${SSH_CONNECTION%% *}"'), targets="[inner]")
    run = done(draft())
    assert (run.state, said(run, "say", "inner")) == (Run.State.DONE, "127.0.0.1\n")


def test_a_connection_that_breaks_leaves_an_unknown_outcome(ssh_server: sshd.Server, tmp_path: Path) -> None:
    known(ssh_server)
    write(
        step("shell id=cut check=there", f"echo once >> {tmp_path}/trail; kill -9 $PPID"),
        step("check id=there timeout=2s", f"grep once {tmp_path}/trail"),
        targets="[pay-1]",
    )
    run = done(draft())
    assert run.state in {Run.State.DONE, Run.State.WAITING}, run.state_reason
    if run.state == Run.State.WAITING:
        services.stop(person("ben"), run.pk)
        pytest.fail(run.state_reason)
    assert "its check there holds" in cell(run, "cut", "pay-1").outcome
    assert (tmp_path / "trail").read_text() == "once\n"
    work()
    assert again(run).state == Run.State.DONE


def test_without_the_right_key_nobody_is_let_in(ssh_server: sshd.Server) -> None:
    host("pay-1", ssh_server.address, host_key=ssh_server.host_key)
    write(step("shell id=say", "echo hello"), targets="[pay-1]")
    assert "does not let" in done(draft()).state_reason


def test_quoting() -> None:
    assert quoted("it's") == "'it'\\''s'"


@pytest.mark.parametrize("is_known", [True, False])
def test_a_playbook_goes_through_a_bastion_whose_key_is_enforced(
    ssh_server: sshd.Server, tmp_path: Path, is_known: bool
) -> None:
    key = ssh_server.host_key if is_known else sshd.keygen(tmp_path / "other")
    host("door", ssh_server.address, secret="deploy", host_key=key)
    _, _, port = hosts.parse(ssh_server.address)
    user = hosts.parse(ssh_server.address)[0]
    host("pay-1", f"{user}@localhost:{port}", secret="deploy", host_key=ssh_server.host_key, via="door")
    playbook = f"- hosts: all\n  gather_facts: false\n  tasks:\n    - raw: echo $SSH_CONNECTION > {tmp_path}/got\n"
    write(step("ansible id=play", playbook), targets="[pay-1]")
    run = done(draft())
    assert run.state == (Run.State.DONE if is_known else Run.State.FAILED), said(run)
    assert (tmp_path / "got").exists() == is_known
