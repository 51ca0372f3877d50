"""Template variables of every screen."""

from typing import Any

from django.http import HttpRequest


def shell(request: HttpRequest) -> dict[str, Any]:
    """The frame around every screen."""
    return {}
