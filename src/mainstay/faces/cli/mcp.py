"""``mainstay mcp``: the tools for a client of the Model Context Protocol that starts Mainstay as its child."""

import os

import typer

from mainstay.faces.cli.output import NOT_ALLOWED, fail
from mainstay.faces.cli.setup import use_django


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(mcp)


def mcp() -> None:
    """Answer a client of the Model Context Protocol over standard input and output.

    MAINSTAY_TOKEN names the token whose rights the client has. Without one it may read, and nothing else. Over HTTP,
    a running Mainstay answers at /mcp.
    """
    use_django()
    from mainstay.core import access
    from mainstay.core.access import Actor, Right
    from mainstay.core.tokens import find_token
    from mainstay.faces.mcp.stdio import serve

    # Not left in the environment, which what is started from here would inherit.
    secret = os.environ.pop("MAINSTAY_TOKEN", "").strip()
    token = find_token(secret) if secret else None
    if secret and token is None:
        fail("MAINSTAY_TOKEN: this token is not known, or it was revoked", NOT_ALLOWED)
    serve(access.of_token(token) if token else Actor("mcp client", Right.READ, via="local"))
