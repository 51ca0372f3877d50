"""Refusals as RFC 9457 problem details: what is wrong, in which field, and what to do."""

from typing import Any


class ProblemError(Exception):
    """A request that cannot be taken. ``field`` names the place in it, as a path with dots."""

    def __init__(self, status: int, title: str, detail: str, field: str = "", **extra: Any) -> None:
        super().__init__(f"{title}: {detail}")
        self.status, self.title, self.detail, self.field = status, title, detail, field
        self.extra = extra

    def body(self) -> dict[str, Any]:
        """The document to answer with."""
        named = {"field": self.field} if self.field else {}
        return {
            "type": "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            **named,
            **self.extra,
        }


def bad_request(detail: str, field: str = "") -> ProblemError:
    """Something in the request is wrong."""
    return ProblemError(400, "Bad request", detail, field)


def not_found(what: str) -> ProblemError:
    """There is no such thing."""
    return ProblemError(404, "Not found", f"There is no {what}.")
