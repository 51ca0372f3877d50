"""The protocol over standard input and output, for a client that starts Mainstay as its child."""

import anyio
from mcp.server.stdio import stdio_server

from mainstay.core.access import Actor
from mainstay.faces.mcp.server import server


def serve(actor: Actor) -> None:
    """Answer until the client goes away."""
    anyio.run(_serve, actor)


async def _serve(actor: Actor) -> None:
    served = server(lambda _: actor)
    async with stdio_server() as (incoming, outgoing):
        await served.run(incoming, outgoing, served.create_initialization_options())
