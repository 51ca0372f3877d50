"""What a tool is: a name, what it is for, what it is given, the right that it takes, and a function of plain data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError

from mainstay.core.access import AccessError, Actor, Right
from mainstay.core.problems import ProblemError
from mainstay.core.settings import current
from mainstay.observe.metrics.promql import PromQLError
from mainstay.observe.telemetry.services import TelemetryError

Json = dict[str, Any]


class Given(BaseModel):
    """What a tool is given; a name that it does not know is refused, so that a slip is not taken for a wish."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Nothing(Given):
    """A tool that is given nothing."""


@dataclass(frozen=True)
class Tool:
    """One thing that a program may ask of Mainstay.

    ``call`` goes through the services of the rooms, which check rights again; ``right`` decides what is offered.
    ``acts`` says whether it changes anything.
    """

    name: str
    title: str
    text: str
    given: type[Given]
    call: Callable[[Actor, Any], Any]
    right: Right = Right.READ
    acts: bool = False

    @property
    def schema(self) -> Json:
        """What it is given, as JSON Schema."""
        return self.given.model_json_schema()


@dataclass(frozen=True)
class Answered:
    """What a tool said: JSON text, whether it refused, and how many bytes it left out."""

    text: str
    refused: bool = False
    left_out: int = 0


def offered(tools: Sequence[Tool], actor: Actor) -> list[Tool]:
    """The tools that this actor may use."""
    return [one for one in tools if actor.right >= one.right]


def use(tools: Sequence[Tool], actor: Actor, name: str, given: Json) -> Answered:
    """Call a tool by its name. What it refuses is an answer too, with the field and the remedy."""
    found = next((one for one in offered(tools, actor) if one.name == name), None)
    if found is None:
        known = ", ".join(one.name for one in offered(tools, actor))
        return _refused(f"there is no tool {name!r} for you; known are {known}")
    try:
        said = found.call(actor, found.given.model_validate(given))
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(map(str, first["loc"])) or "arguments"
        return _refused(f"{field}: {first['msg']}")
    except ProblemError as error:
        return _refused(f"{error.field}: {error.detail}" if error.field else error.detail)
    except (AccessError, PromQLError, TelemetryError) as error:
        return _refused(str(error))
    return _bounded(orjson.dumps(said, option=orjson.OPT_UTC_Z | orjson.OPT_NON_STR_KEYS, default=str))


def _refused(why: str) -> Answered:
    return Answered(orjson.dumps({"refused": why}).decode(), refused=True)


def _bounded(said: bytes) -> Answered:
    """The answer whole, or its beginning with a sentence: what is cut must not look like all there is."""
    most = current().tool_answer_bytes
    if len(said) <= most:
        return Answered(said.decode())
    begins = said[:most].decode(errors="ignore")
    cut = {"cut": f"{len(said) - most} of {len(said)} bytes left out; ask for fewer rows", "begins": begins}
    return Answered(orjson.dumps(cut).decode(), left_out=len(said) - most)
