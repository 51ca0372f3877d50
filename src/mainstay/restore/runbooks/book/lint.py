"""What is wrong with a book, with the line and what to do: errors keep it from being used, hints do not."""

import re
from collections.abc import Iterator

from mainstay.restore.runbooks.book import model
from mainstay.restore.runbooks.book.call import TARGET, names_in
from mainstay.restore.runbooks.book.inputs import in_statement
from mainstay.restore.runbooks.book.model import Book, Problem, Step
from mainstay.restore.runbooks.book.read import read
from mainstay.restore.sqldesk.examine.parameters import ParameterError

_USED = re.compile(r"\bINPUT_([a-z0-9_]+)")
_HOLE = re.compile(r"\{\{.*?\}\}")
LONGEST = 1_000_000
# What one argument of a program may be on Linux, with room for its quotation.
_LONGEST_AFAR = 100_000


def check(text: str) -> tuple[Book | None, list[Problem]]:
    """The book, unless it cannot be used, and everything that is to be said about it, by line."""
    if len(text) > LONGEST:
        return None, [Problem(1, f"a book has at most {LONGEST:,} characters; move data out of it")]
    book, problems = read(text)
    if book is not None:
        problems = sorted([*problems, *_lint(book)], key=lambda one: one.line)
    return (None if any(not one.hint for one in problems) else book), problems


def _lint(book: Book) -> Iterator[Problem]:
    if not book.steps:
        yield Problem(1, "there is no step; write at least one fenced block such as ```shell id=restart")
        return
    if book.changes and not book.services:
        yield Problem(1, "name under services what it changes, so that freezes and windows can be asked")
    if book.changes and not book.verify:
        yield Problem(1, "name a check under verify: exit codes alone do not say that the symptom is gone", hint=True)
    if not book.targets and any(one.each for one in book.steps):
        yield Problem(1, "steps go to each target, but there are none; name hosts or groups under targets")
    ids = [one.id for one in book.steps]
    for place, step in enumerate(book.steps):
        if step.id in ids[:place]:
            yield Problem(step.line, f"the id {step.id} stands twice; give each step its own")
        for text, hint in _of_step(book, step):
            yield Problem(step.line, text, hint)
    yield from _whole(book)


def _whole(book: Book) -> Iterator[Problem]:
    checks = {one.id for one in book.steps if one.kind == model.CHECK}
    if book.verify and book.verify not in checks:
        yield Problem(1, f"verify names {book.verify!r}, which is no check step; {_known(checks)}")
    if not book.main:
        yield Problem(1, "every step only undoes another; write one that does something")
    used = {name for step in book.steps for name in _inputs_of(book, step)}
    for one in book.inputs:
        if one.name not in used:
            yield Problem(1, f"no step uses the input {one.name}; take it out, or use it", hint=True)


def _known(names: set[str]) -> str:
    return f"write one of {', '.join(sorted(names))}" if names else "write a block ```check id=…"


def _of_step(book: Book, step: Step) -> Iterator[tuple[str, bool]]:
    """Problems of one step, as (what, whether it is a hint)."""
    if not step.named:
        yield "give it an id, such as id=restart: without one its runs cannot be compared once the book changes", True
    yield from _of_links(book, step)
    if step.timeout > book.timeout:
        yield f"its timeout is longer than that of the book ({book.timeout:g} s)", True
    if step.kind == model.CHECK and step.every > (step.timeout or book.timeout):
        yield "every= is longer than the timeout, so that it looks once", True
    if step.each and len(step.text) > _LONGEST_AFAR:
        yield f"a step on targets has at most {_LONGEST_AFAR:,} characters; copy the script there first", False
    known = {one.name for one in book.inputs} | set(answers(book))
    try:
        for name in sorted(_inputs_of(book, step) - known):
            yield f"it uses the input {name}, which the book does not have; add it under inputs", False
    except ParameterError as error:
        yield f"its statement cannot be read: {error}", False
    if step.means in model.PROGRAMS or step.kind == model.ANSIBLE:
        yield from _of_code(step)


def _of_links(book: Book, step: Step) -> Iterator[tuple[str, bool]]:
    """Problems with the steps that a step names."""
    by_id = {one.id: one for one in book.steps}
    for name, other, fitting in (
        ("undo", step.undo, set(by_id) - {step.id}),
        ("check", step.check, {one.id for one in book.steps if one.kind == model.CHECK}),
    ):
        if other and other not in fitting:
            yield f"{name}={other}: there is no {'check' if name == 'check' else 'other'} step of this id", False
        elif other and by_id[other].each != step.each:
            yield f"{name}={other} is not where the step is; give both the same target=", False
    if step.on_failure == "undo" and not step.undo:
        yield "on-failure=undo needs undo=ID, a step that takes it back", False
    if step.id in book.undoing and step.undo:
        yield "a step that undoes cannot be undone itself; leave undo= out", False


def answers(book: Book) -> dict[str, str]:
    """What people answer to ask steps, as inputs of the steps behind them: the name, and the id of the step."""
    return {one.id.replace("-", "_"): one.id for one in book.steps if one.kind == model.ASK}


def _of_code(step: Step) -> Iterator[tuple[str, bool]]:
    if step.kind != model.ANSIBLE and _HOLE.search(step.text):
        yield (
            "there are no templates, so {{ … }} stays as it stands; inputs are in the environment, as INPUT_name",
            True,
        )
    if step.means == model.SHELL:
        for name in _bare(step.text):
            yield f'write "${name}" in quotation marks, so that blanks and stars in it stay data', True
        if re.search(r"\beval\b.*INPUT_", step.text):
            yield "eval makes code of an input; leave it out", False


def _bare(text: str) -> list[str]:
    """Inputs that a shell would split and expand, because they do not stand in double quotation marks."""
    found, quote, place = [], "", 0
    while place < len(text):
        letter = text[place]
        if letter == "\\" and quote != "'":
            place += 2
            continue
        if letter in "'\"" and quote in {"", letter}:
            quote = "" if quote else letter
        elif letter == "#" and not quote and (place == 0 or text[place - 1] in " \t\n;"):
            place = text.find("\n", place)
            if place < 0:
                break
            continue
        elif letter == "$" and quote == "" and (match := re.match(r"\$\{?(INPUT_[a-z0-9_]+)", text[place:])):
            found.append(match.group(1))
        place += 1
    return list(dict.fromkeys(found))


def _inputs_of(book: Book, step: Step) -> set[str]:
    """Inputs that a step names. Raises ``ParameterError``."""
    if step.call is not None:
        return set(names_in(step.call)[0]) - {TARGET}
    if step.means == model.SQL:
        return set(in_statement(step.text)) - {TARGET}
    if step.kind == model.ANSIBLE:
        return {one.name for one in book.inputs}
    return set(_USED.findall(step.text))
