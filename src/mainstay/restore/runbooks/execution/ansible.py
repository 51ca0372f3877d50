"""Playbooks as they are, by ansible-runner on the worker. Inputs are marked unsafe: Ansible evaluates none of them."""

import importlib.util
import json
import sys
from collections.abc import Mapping
from pathlib import Path

from mainstay.core import secrets
from mainstay.restore.runbooks import hosts
from mainstay.restore.runbooks.book.model import Step
from mainstay.restore.runbooks.execution import local
from mainstay.restore.runbooks.execution.output import Output
from mainstay.restore.runbooks.execution.programs import NotBegunError, Program
from mainstay.restore.runbooks.execution.setting import Setting, environment
from mainstay.restore.runbooks.hosts import Machine

_PATH = "/usr/local/bin:/usr/bin:/bin"


async def run(setting: Setting, step: Step, identity: str, output: Output) -> int:
    """Run a playbook over the targets of the run, else over the worker itself."""
    if importlib.util.find_spec("ansible_runner") is None:
        raise NotBegunError("ansible-runner is not installed: pip install 'mainstay[ansible]'")
    machines = [setting.hosts[key] for key in setting.run.targets]
    tools = str(Path(sys.executable).parent)
    values = {
        **environment(setting, step, ""),
        "PATH": f"{tools}:{_PATH}",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOST_KEY_CHECKING": "True",
    }
    program = Program(sys.executable, "", values, identity, ("-m", "ansible_runner", "run", ".", "-p", "book.yml"))
    return await local.run(
        program,
        output.feed,
        files=lambda home: files(setting, step, machines, home),
        is_panic=lambda: setting.stopped,
    )


def files(setting: Setting, step: Step, machines: list[Machine], home: str) -> Mapping[str, str]:
    """The directory that ansible-runner works in: playbook, inventory, values, keys, and who is known."""
    every = _with_bastions(machines)
    found = {
        "project/book.yml": step.text,
        "inventory/hosts.json": json.dumps({"all": {"hosts": _inventory(machines, home)}}),
        "env/extravars": extra_variables(setting.values()),
        "known_hosts": _known(every),
        "ssh_config": _ssh_config(every, home),
    }
    for name in {one.secret for one in every if one.secret}:
        try:
            found[f"keys/{name}"] = secrets.get(name).rstrip("\n") + "\n"
        except secrets.SecretError as error:
            raise NotBegunError(str(error)) from None
    return found


def _inventory(machines: list[Machine], home: str) -> dict[str, dict[str, object]]:
    if not machines:
        return {"localhost": {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}}
    return {one.key: {"ansible_ssh_common_args": f"-F {home}/ssh_config"} for one in machines}


def _with_bastions(machines: list[Machine]) -> list[Machine]:
    """The machines and all that lead to them, each once."""
    found: dict[str, Machine] = {}
    for one in machines:
        way: Machine | None = one
        while way is not None:
            found[way.key] = way
            way = way.via
    return list(found.values())


def _ssh_config(machines: list[Machine], home: str) -> str:
    """How ssh reaches each by its key. A bastion is reached by the same file, so that its key is enforced as well."""
    parts = []
    for one in machines:
        user, name, port = hosts.parse(one.address)
        lines = [f"Host {one.key}", f"HostName {name}", f"Port {port}"]
        lines += [f"User {user}"] if user else []
        lines += [f"IdentityFile {home}/keys/{one.secret}", "IdentitiesOnly yes"] if one.secret else []
        lines += [f"ProxyJump {one.via.key}"] if one.via else []
        parts.append("\n".join([*lines, f"UserKnownHostsFile {home}/known_hosts", "StrictHostKeyChecking yes"]))
    return "\n".join(parts) + "\n"


def _known(machines: list[Machine]) -> str:
    lines = []
    for one in machines:
        _, name, port = hosts.parse(one.address)
        place = name if port == 22 else f"[{name}]:{port}"
        lines += [f"{place} {key}" for key in one.host_key.splitlines() if key]
    file = hosts.known_hosts_file()
    return "\n".join([*lines, file.read_text(encoding="utf-8") if file.is_file() else ""]) + "\n"


def extra_variables(values: Mapping[str, str]) -> str:
    """Values as YAML in which each is marked unsafe, so that braces in it stay braces. JSON's strings are YAML's."""
    return "".join(f"{name}: !unsafe {json.dumps(value)}\n" for name, value in values.items()) or "{}\n"
