"""The front matter of a book."""

import re
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from mainstay.core.placed import line_of, place_of, told
from mainstay.observe.metrics.rules.files import RuleError, seconds
from mainstay.restore.runbooks.book.model import Book, Input, Problem, Targets
from mainstay.restore.sqldesk.examine.parameters import read_value

Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$", description="Letters, digits, dots, dashes.")]


def duration(value: Any) -> float:
    """Seconds of a duration such as 30s or 5m. Raises ``ValueError``."""
    try:
        return seconds(value, "duration")
    except RuleError as error:
        raise ValueError(str(error).removeprefix("duration: ")) from error


def _expression(value: str) -> str:
    try:
        re.compile(value)
    except re.error as error:
        raise ValueError(f"not a regular expression: {error}") from None
    return value


Duration = Annotated[
    float, BeforeValidator(duration, json_schema_input_type=str | float), Field(gt=0, le=30 * 86_400, description="30s")
]


class _Part(BaseModel):
    """Unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class InputPart(_Part):
    """An input."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    type: Literal["text", "whole", "number", "date", "moment", "yes_no", "secret"] = "text"
    label: str = Field("", max_length=200)
    default: str | bool | int | float | None = None
    choices: list[str | int | float] = []
    pattern: Annotated[str, AfterValidator(_expression)] = Field("", max_length=200)
    required: bool = True


class TargetsPart(_Part):
    """Where the steps go."""

    hosts: list[Key] = []
    groups: list[Key] = []
    max: Annotated[int, Field(ge=0)] = 0


class Front(_Part):
    """Everything above the text."""

    key: Key
    title: str = Field(min_length=1, max_length=160)
    description: str = ""
    services: list[Key] = []
    inputs: list[InputPart] = Field([], max_length=50)
    targets: Annotated[
        TargetsPart, BeforeValidator(lambda value: {"hosts": value} if isinstance(value, list) else value)
    ] = TargetsPart()
    approval: Literal["none", "second person"] = "second person"
    timeout: Duration = 3600.0
    verify: str = ""
    parallel: int = Field(10, ge=1, le=10_000)
    ramp: bool = True
    max_errors: int = Field(0, ge=0)
    in_windows: bool = False


def split(text: str) -> tuple[str, int] | None:
    """The front matter and the number of lines up to where the text begins; nothing when there is none."""
    lines = text.split("\n")
    if lines[0].rstrip() != "---":
        return None
    end = next((place for place, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), None)
    return None if end is None else ("\n".join(lines[1:end]), end + 1)


def read_front(text: str) -> tuple[Book | None, list[Problem]]:
    """The book without its steps, and what is wrong with the front matter. Lines count from the top of the file."""
    try:
        root, data = yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:
        mark = getattr(error, "problem_mark", None)
        return None, [Problem(mark.line + 2 if mark else 1, f"not YAML: {getattr(error, 'problem', error)}")]
    if not isinstance(data, dict):
        return None, [Problem(1, "write one 'name: value' a line between two lines of ---, at least key and title")]
    try:
        front = Front.model_validate(data)
    except ValidationError as error:
        found = error.errors(include_url=False)
        return None, [
            Problem(line_of(root, place_of(one)) + 1, f"{'.'.join(map(str, place_of(one)))}: {told(one, Front)}")
            for one in found
        ]
    inputs = tuple(_input(one) for one in front.inputs)
    problems = [
        Problem(line_of(root, ("inputs", place)) + 1, problem)
        for place, one in enumerate(inputs)
        for problem in _input_problems(one, inputs[:place])
    ]
    return Book(
        key=front.key,
        title=front.title,
        description=front.description,
        services=tuple(dict.fromkeys(front.services)),
        inputs=inputs,
        targets=Targets(tuple(front.targets.hosts), tuple(front.targets.groups), front.targets.max),
        approval=front.approval,
        timeout=front.timeout,
        verify=front.verify,
        parallel=front.parallel,
        ramp=front.ramp,
        max_errors=front.max_errors,
        in_windows=front.in_windows,
    ), problems


def _input(part: InputPart) -> Input:
    default = "" if part.default is None else _plain(part.default)
    choices = tuple(_plain(one) for one in part.choices)
    return Input(part.name, part.type, part.label, default, choices, part.pattern, part.required)


def _plain(value: Any) -> str:
    return ("yes" if value else "no") if isinstance(value, bool) else str(value)


def _input_problems(one: Input, before: tuple[Input, ...]) -> list[str]:
    found = []
    if one.name in {other.name for other in before}:
        found.append(f"the input {one.name} stands twice; name it once")
    if one.type == "secret":
        if one.choices or one.pattern:
            found.append(f"the input {one.name} is a secret: leave choices and pattern out")
        return found
    for value in (*filter(None, [one.default]), *one.choices):
        try:
            read_value(one.type, value)
        except ValueError as error:
            found.append(f"the input {one.name}: {value!r} is no value of its type; write {error}")
    if one.default and one.choices and one.default not in one.choices:
        found.append(f"the input {one.name}: its default is none of its choices")
    return found
