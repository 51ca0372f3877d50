"""Who is asking, and what they may do. Rooms ask here before they show or change anything."""

from dataclasses import dataclass
from enum import IntEnum

from mainstay.core.models import ApiToken, Person, Role


class AccessError(Exception):
    """The actor lacks the right. The text says which, and who has it."""


class Right(IntEnum):
    """What an action asks for; a higher right holds the lower ones."""

    NONE = 0
    READ = 1
    RESPOND = 2
    MAINTAIN = 3
    ADMINISTER = 4


_BY_ROLE = {
    Role.VIEWER: Right.READ,
    Role.RESPONDER: Right.RESPOND,
    Role.MAINTAINER: Right.MAINTAIN,
    Role.ADMIN: Right.ADMINISTER,
}
_BY_SCOPE = {
    ApiToken.Scope.INTAKE: Right.NONE,
    ApiToken.Scope.READ: Right.READ,
    ApiToken.Scope.WRITE: Right.RESPOND,
}
_HOLDERS = {
    Right.READ: "a signed-in person or a token of scope read",
    Right.RESPOND: "a responder or a token of scope write",
    Right.MAINTAIN: "a maintainer",
    Right.ADMINISTER: "an admin",
}


@dataclass(frozen=True)
class Actor:
    """Whoever acts: a person, a program with a token, the command line on this machine, or Mainstay itself."""

    name: str
    right: Right
    person_id: int | None = None
    via: str = "web"

    def __str__(self) -> str:
        """As the audit log writes it."""
        return self.name if self.via == "web" else f"{self.name} ({self.via})"


SYSTEM = Actor("Mainstay", Right.ADMINISTER, via="system")
LOCAL = Actor("command line", Right.ADMINISTER, via="local")


def of_person(person: Person, via: str = "web") -> Actor:
    """The actor that a person is. A person who has been switched off may do nothing."""
    right = _BY_ROLE[Role(person.role)] if person.is_active else Right.NONE
    return Actor(str(person), right, person.pk, via)


def of_token(token: ApiToken) -> Actor:
    """The actor that a program with this token is."""
    return Actor(f"token {token.name}", _BY_SCOPE[ApiToken.Scope(token.scope)], via="api")


def require(actor: Actor, right: Right) -> None:
    """Let the actor pass, or raise ``AccessError`` that says who may."""
    if actor.right < right:
        raise AccessError(f"{actor.name} may not do this: it takes {_HOLDERS[right]}. Ask an admin.")
