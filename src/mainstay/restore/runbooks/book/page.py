"""A book as a page that a person can follow by hand. Only what is made here becomes HTML."""

from collections.abc import Sequence
from html import escape
from typing import Any

from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.front import split
from mainstay.restore.runbooks.book.model import Book, Step
from mainstay.restore.runbooks.book.read import is_step, parser

_WORDS = {
    model.SHELL: "Shell",
    model.PYTHON: "Python",
    model.HTTP: "HTTP request",
    model.SQL: "SQL",
    model.WAIT: "Wait",
    model.CHECK: "Check",
    model.ASK: "Question",
    model.MANUAL: "By hand",
    model.ANSIBLE: "Ansible playbook",
}


def seconds(length: float) -> str:
    """A length of time as people say it."""
    for unit, name in ((3600, "h"), (60, "min")):
        if length >= unit and length % unit == 0:
            return f"{length / unit:g} {name}"
    return f"{length:g} s"


def facts(book: Book, step: Step) -> list[str]:
    """What a person must know about a step beside its code, in a few words each."""
    looks = f" with {_WORDS.get(step.by, 'PromQL')}" if step.kind == model.CHECK and step.by != model.SHELL else ""
    said = [_WORDS[step.kind] + looks]
    if step.id in book.undoing:
        undone = ", ".join(one.id for one in book.steps if one.undo == step.id)
        said.append(f"only to undo {undone}")
    if step.kind not in {model.ASK, model.MANUAL}:
        said.append("on each target" if step.each else "on the worker, once")
    if step.connection:
        said.append(f"{'changes' if step.write else 'reads'} {step.connection}")
    if step.timeout:
        said.append(f"at most {seconds(step.timeout)}")
    if step.expect:
        said.append(f"must say: {step.expect}")
    if step.secrets:
        said.append(f"secrets: {', '.join(step.secrets)}")
    if step.on_failure != "stop":
        said.append(f"if it fails: {step.on_failure}")
    if step.undo:
        said.append(f"undone by {step.undo}")
    return said


class _Renderer(RendererHTML):
    """HTML of Markdown, in which steps are numbered sections."""

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Any) -> str:
        """A step as a section, any other block as it is."""
        if not is_step(tokens[idx]):
            return super().fence(tokens, idx, options, env)
        step: Step = env["steps"].pop(0)
        env["number"] += 1
        said = "".join(f"<li>{escape(one)}</li>" for one in facts(env["book"], step))
        return (
            f'<section class="step step-{step.kind}" id="step-{escape(step.id)}">'
            f'<p class="step-head"><b>{env["number"]}.</b> {escape(step.title)}</p>'
            f'<ul class="step-facts">{said}</ul>'
            f'<pre tabindex="0"><code>{escape(tokens[idx].content)}</code></pre></section>\n'
        )


def render(text: str, book: Book) -> str:
    """The page below its title. ``book`` is what reading ``text`` gave."""
    text = text.replace("\r\n", "\n")
    parts = split(text)
    body = "\n".join(text.split("\n")[parts[1] :]) if parts else text
    markdown = parser()
    renderer = _Renderer(markdown)
    env = {"steps": list(book.steps), "number": 0, "book": book}
    return str(renderer.render(markdown.parse(body), markdown.options, env))
