"""The tools of the assistant: those that look, and no other."""

from typing import Any

from mainstay.core.access import Actor
from mainstay.learn.assistant import services


def run_due() -> int:
    """Talk about one question that waits, where a model is configured. The tools are loaded when they are needed."""
    if not services.is_on():
        return 0
    from mainstay.faces.mcp.reading import READING

    return services.run_due([one for one in READING if not one.acts], _use)


def _use(actor: Actor, name: str, given: dict[str, Any]) -> str:
    from mainstay.faces.mcp.reading import READING
    from mainstay.faces.mcp.tool import use

    return use(READING, actor, name, given).text
