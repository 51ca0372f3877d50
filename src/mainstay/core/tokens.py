"""Tokens for programs and one-time links for people."""

from datetime import datetime, timedelta

from django.db import transaction

from mainstay.core import audit, clock, ids
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import ApiToken, Person, SignInLink
from mainstay.core.problems import not_found

LINK_LIFE = timedelta(hours=24)


class TokenError(ValueError):
    """A token cannot be made; the text says why and what to do."""


@transaction.atomic
def create_token(actor: Actor, name: str, scope: str) -> str:
    """Make a token and return it; it is shown this once and stored as a digest."""
    require(actor, Right.ADMINISTER)
    if scope not in ApiToken.Scope.values:
        raise TokenError(f"scope: {scope!r} is not one of {', '.join(ApiToken.Scope.values)}")
    if ApiToken.objects.filter(name=name).exists():
        raise TokenError(f"name: a token {name!r} exists; revoke it or choose another name")
    secret = ids.new_secret("mst")
    ApiToken.objects.create(
        name=name,
        scope=scope,
        digest=ids.digest(secret),
        hint=secret[:8],
        created_by=str(actor),
        created_at=clock.now(),
    )
    audit.record(actor, "token.create", f"token {name}", scope=scope)
    return secret


@transaction.atomic
def revoke_token(actor: Actor, name: str) -> None:
    """Switch a token off for good."""
    require(actor, Right.ADMINISTER)
    if not ApiToken.objects.filter(name=name, revoked_at=None).update(revoked_at=clock.now()):
        raise not_found(f"live token {name!r}")
    audit.record(actor, "token.revoke", f"token {name}")


def find_token(secret: str) -> ApiToken | None:
    """The live token with this secret. It is looked up by digest, so the time taken tells nothing of the secret."""
    token = ApiToken.objects.filter(digest=ids.digest(secret), revoked_at=None).first()
    if token and (token.last_used_at is None or clock.now() - token.last_used_at > timedelta(minutes=1)):
        ApiToken.objects.filter(pk=token.pk).update(last_used_at=clock.now())
    return token


def list_tokens(actor: Actor) -> list[ApiToken]:
    """All tokens, newest first."""
    require(actor, Right.ADMINISTER)
    return list(ApiToken.objects.order_by("-created_at"))


def create_sign_in_link(person: Person, base_url: str, life: timedelta = LINK_LIFE) -> str:
    """An address that signs this person in once, within ``life``."""
    secret = ids.new_secret("msl")
    SignInLink.objects.create(digest=ids.digest(secret), person=person, expires_at=clock.now() + life)
    # The secret stands behind '#', which browsers keep to themselves: it reaches no log and no referrer.
    return f"{base_url}/welcome#{secret}"


@transaction.atomic
def use_sign_in_link(secret: str, now: datetime) -> Person | None:
    """The person that this link signs in, or nothing when it was used, is too old or never was."""
    found = SignInLink.objects.filter(digest=ids.digest(secret), used_at=None, expires_at__gt=now)
    if found.update(used_at=now) != 1:
        return None
    person = SignInLink.objects.select_related("person").get(digest=ids.digest(secret)).person
    audit.record(str(person), "person.sign_in", f"person {person.email}", by="one-time link")
    return person if person.is_active else None
