"""Reading a book: front matter, prose, and the fenced blocks that are steps."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from markdown_it import MarkdownIt
from markdown_it.token import Token

from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.call import CallError, read_call
from mainstay.restore.runbooks.book.front import duration, read_front, split
from mainstay.restore.runbooks.book.model import Book, Problem, Step
from mainstay.restore.runbooks.book.options import read_options


def parser() -> MarkdownIt:
    """How books are read: CommonMark with tables, without HTML and without pictures from elsewhere."""
    return MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")


def is_step(token: Token) -> bool:
    """Whether a block is a step, by the first word behind its fence."""
    return token.type == "fence" and (token.info.split() or [""])[0] in model.KINDS


def read(text: str) -> tuple[Book | None, list[Problem]]:
    """The book, and what is wrong with it so far as reading goes. Without a book there is at least one problem."""
    text = text.replace("\r\n", "\n")
    parts = split(text)
    if parts is None:
        return None, [Problem(1, "begin with front matter: a line of ---, then key and title, then a line of ---")]
    front, begins = parts
    book, problems = read_front(front)
    if book is None:
        return None, problems
    steps, more = _steps("\n".join(text.split("\n")[begins:]), begins, to_hosts=bool(book.targets))
    return replace(book, steps=steps), [*problems, *more]


def _steps(body: str, before: int, *, to_hosts: bool) -> tuple[tuple[Step, ...], list[Problem]]:
    steps: list[Step] = []
    problems: list[Problem] = []
    for title, token in _fences(parser().parse(body)):
        line = before + (token.map[0] if token.map else 0) + 1
        step, found = _step(token, line, title, len(steps) + 1, to_hosts=to_hosts)
        steps.append(step)
        problems += [Problem(line, one) for one in found]
    return tuple(steps), problems


def _fences(tokens: Sequence[Token]) -> Iterator[tuple[str, Token]]:
    """Blocks that are steps, each with the last heading before it that no other step has taken."""
    title, in_heading = "", False
    for token in tokens:
        if token.type == "heading_open":
            in_heading = True
        elif token.type == "inline" and in_heading:
            title, in_heading = token.content, False
        elif is_step(token):
            yield title, token
            title = ""


def _step(token: Token, line: int, title: str, number: int, *, to_hosts: bool) -> tuple[Step, list[str]]:
    kind, _, info = token.info.strip().partition(" ")
    fields, problems = read_options(kind, info)
    named = "id" in fields
    if not named:
        digest = hashlib.sha256(f"{token.info}\n{token.content}".encode("utf-8", "surrogatepass")).hexdigest()
        fields["id"] = f"step-{number}-{digest[:8]}"
    step = Step(kind=kind, text=token.content, line=line, named=named, **{"title": title, **fields})
    step = replace(step, title=step.title or step.id, by=step.by or (model.SHELL if kind == model.CHECK else ""))
    if "each" not in fields and step.means in {model.SHELL, model.PYTHON, model.WAIT}:
        step = replace(step, each=to_hosts)
    programs = model.PROGRAMS.get(step.means, ())
    if not step.program:
        step = replace(step, program=programs[0] if programs else "")
    elif re.sub(r"^(/[A-Za-z0-9._+-]+)*/|\.\d+$", "", step.program) not in programs:
        problems.append(f"with={step.program}: write one of {', '.join(programs) or 'none, for it runs no program'}")
    try:
        step = _content(step)
    except (CallError, ValueError) as error:
        problems.append(str(error))
    return step, problems


def _content(step: Step) -> Step:
    """The step with what its text means, where that is not code. Raises ``ValueError`` with the remedy."""
    if step.means == model.HTTP:
        return replace(step, call=read_call(step.text))
    if step.kind == model.WAIT:
        try:
            return replace(step, seconds=duration(step.text.strip()))
        except ValueError:
            raise ValueError("a wait holds a duration and nothing else, such as 30s or 5m") from None
    if not step.text.strip():
        raise ValueError("the step is empty; write what is to be done")
    if step.means == model.SQL and not step.connection:
        raise ValueError("name the database: connection=KEY")
    return step
