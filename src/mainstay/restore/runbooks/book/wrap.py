"""Making a book of a script or a playbook as it is: its text becomes the step, to the letter."""

import re
from typing import Any

import yaml

from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.lint import check


class WrapError(ValueError):
    """A file cannot become a step as it is. The text says why."""


def wrap(name: str, content: str, services: tuple[str, ...] = (), hosts: tuple[str, ...] = ()) -> str:
    """The text of a book with one step. Raises ``WrapError``."""
    kind, program = _kind_of(name, content)
    key = re.sub(r"[^a-z0-9]+", "-", name.rpartition(".")[0].lower() or name.lower()).strip("-")[:60] or "script"
    if not key[0].isalpha():
        key = f"script-{key}"[:60]
    if not content.endswith("\n"):
        content += "\n"
    front: dict[str, Any] = {"key": key, "title": f"Run {name}", "services": list(services)}
    if hosts:
        front["targets"] = list(hosts)
    fence = "`" * max(3, max((len(run) for run in re.findall(r"`+", content)), default=0) + 1)
    options = f" with={program}" if program else ""
    head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    text = f"---\n{head}---\n\nRuns `{name}` as it is.\n\n{fence}{kind} id={key}{options}\n{content}{fence}\n"
    book, problems = check(text)
    wrong = [one for one in problems if not one.hint and "under services" not in one.text]
    if wrong:
        raise WrapError(f"{name} cannot be wrapped: {wrong[0].text}")
    if book is not None and book.steps[0].text != content:
        raise WrapError(f"{name} has characters that Markdown does not keep, such as carriage returns; take them out")
    return text


def _kind_of(name: str, content: str) -> tuple[str, str]:
    """The kind of a step, and the program that runs it."""
    first = content.partition("\n")[0]
    if first.startswith("#!"):
        words = first[2:].split()
        called = words[1] if len(words) > 1 and words[0].endswith("/env") else (words or [""])[0]
        program = called.rpartition("/")[2]
        for kind, known in model.PROGRAMS.items():
            if re.sub(r"\.\d+$", "", program) in known:
                return kind, program
        raise WrapError(f"{name} is run by {program or 'nothing'}; bash, sh, dash, zsh, ksh and python3 can be wrapped")
    if name.endswith((".yml", ".yaml")):
        if not _is_playbook(content):
            raise WrapError(f"{name} is no playbook: a list of plays, each with hosts")
        return model.ANSIBLE, ""
    return (model.PYTHON, "") if name.endswith(".py") else (model.SHELL, "sh" if name.endswith(".sh") else "")


def _is_playbook(content: str) -> bool:
    try:
        data = yaml.safe_load(content)
    except (yaml.YAMLError, ValueError):
        # Tags of Ansible's own are not known here; the list of plays still begins as one.
        return re.search(r"^- (hosts|name|import_playbook):", content, re.MULTILINE) is not None
    return isinstance(data, list) and any(isinstance(one, dict) and "hosts" in one for one in data)
