"""What is wrong in a YAML text: with its line, the place in it, and the nearest name that would be right."""

import difflib
from typing import Any

import yaml
from pydantic import BaseModel


def sentence(name: str, root: yaml.Node | None, error: Any, model: type[BaseModel]) -> str:
    """An error of pydantic as ``FILE:LINE: PLACE: what``."""
    place = place_of(error)
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in place).lstrip(".")
    return f"{name}:{line_of(root, place)}: {path or 'document'}: {told(error, model)}"


def place_of(error: Any) -> tuple[Any, ...]:
    """Where an error stands, as keys and numbers from the top of the document."""
    return tuple(part for part in error["loc"] if not str(part).startswith("function-"))


def told(error: Any, model: type[BaseModel]) -> str:
    """What is wrong, without the place."""
    place = place_of(error)
    if error["type"] == "extra_forbidden":
        known = _known(model, place[:-1])
        near = difflib.get_close_matches(str(place[-1]), known, 1)
        return "unknown key" + (f", did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}")
    return str(error["msg"].removeprefix("Value error, "))


def _known(model: type[BaseModel], place: tuple[Any, ...]) -> list[str]:
    """The keys that are valid at a place."""
    for part in place:
        if isinstance(part, str) and part in model.model_fields:
            found = _model_in(model.model_fields[part].annotation)
            if found is None:
                return []
            model = found
    return [info.alias or field_name for field_name, info in model.model_fields.items()]


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    for part in getattr(annotation, "__args__", ()):
        found = _model_in(part)
        if found:
            return found
    return None


def line_of(root: yaml.Node | None, place: tuple[Any, ...]) -> int:
    """The line of a place in the file, as near as the file goes to it."""
    node, line = root, (root.start_mark.line if root else 0)
    for part in place:
        if isinstance(node, yaml.MappingNode):
            pair = next((pair for pair in node.value if pair[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line
        else:
            break
    return line + 1
