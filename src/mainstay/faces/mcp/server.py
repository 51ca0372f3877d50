"""Mainstay's tools behind the Model Context Protocol, whatever the transport. Source: the specification, 2026-07-28."""

from collections.abc import Callable
from typing import Any

import mcp_types as types
from asgiref.sync import sync_to_async
from mcp.server import Server, ServerRequestContext

import mainstay
from mainstay.core.access import Actor
from mainstay.faces.mcp.acting import ACTING
from mainstay.faces.mcp.reading import READING
from mainstay.faces.mcp.tool import Tool, offered, use

TOOLS: tuple[Tool, ...] = (*READING, *ACTING)
_FIRST = (
    "Mainstay is the workbench of a production-support team. Begin with list_incidents, then show_incident and "
    "likely_cause. Quote what the tools said, with its time; say so when they said nothing."
)
Who = Callable[[ServerRequestContext[Any, Any]], Actor]


def server(who: Who) -> Server[Any]:
    """A server whose tools are those that the caller may use. ``who`` knows the caller by the request."""

    async def listed(
        context: ServerRequestContext[Any, Any], params: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        del params
        return types.ListToolsResult(tools=[_described(one) for one in offered(TOOLS, who(context))])

    async def called(
        context: ServerRequestContext[Any, Any], params: types.CallToolRequestParams
    ) -> types.CallToolResult:
        answer = await sync_to_async(use)(TOOLS, who(context), params.name, params.arguments or {})
        return types.CallToolResult(content=[types.TextContent(type="text", text=answer.text)], is_error=answer.refused)

    return Server(
        "mainstay",
        title="Mainstay",
        version=mainstay.__version__,
        instructions=_FIRST,
        on_list_tools=listed,
        on_call_tool=called,
    )


def _described(tool: Tool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.text,
        input_schema=tool.schema,
        annotations=types.ToolAnnotations(read_only_hint=not tool.acts, destructive_hint=False, open_world_hint=False),
    )
