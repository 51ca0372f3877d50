"""Accounts: making them, signing in, and the limit on wrong tries."""

from datetime import timedelta

from django.contrib.auth import authenticate
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.models import Person, Role, SignInTry, validate_timezone
from mainstay.core.settings import current

WINDOW = timedelta(minutes=15)


class PersonError(ValueError):
    """An account cannot be made or used; the text says why and what to do."""


def validate_timezone_name(value: str) -> None:
    """Raise ``PersonError`` when the zone database does not have this time zone."""
    try:
        validate_timezone(value)
    except ValidationError as error:
        raise PersonError(f"timezone: {' '.join(error.messages)}") from error


@transaction.atomic
def create_person(actor: Actor, email: str, name: str, role: str, password: str | None = None) -> Person:
    """Make an account. Without a password it can be entered by a one-time link alone."""
    require(actor, Right.ADMINISTER)
    email = email.strip().lower()
    try:
        validate_email(email)
        if password is not None:
            validate_password(password)
    except ValidationError as error:
        raise PersonError(" ".join(error.messages)) from error
    if role not in Role.values:
        raise PersonError(f"role: {role!r} is not one of {', '.join(Role.values)}")
    if Person.objects.filter(email=email).exists():
        raise PersonError(f"email: {email} has an account already")
    person = Person(email=email, name=name or email.partition("@")[0], role=role)
    person.set_password(password)
    person.save()
    audit.record(actor, "person.create", f"person {email}", role=role)
    return person


@transaction.atomic
def set_password(actor: Actor, person: Person, password: str) -> None:
    """Give an account a new password. People set their own, admins anybody's."""
    if actor.person_id != person.pk:
        require(actor, Right.ADMINISTER)
    try:
        validate_password(password, person)
    except ValidationError as error:
        raise PersonError(" ".join(error.messages)) from error
    person.set_password(password)
    person.save(update_fields=["password"])
    audit.record(actor, "person.password", f"person {person.email}")


@transaction.atomic
def set_preferences(actor: Actor, person: Person, timezone: str) -> None:
    """Set one's own time zone. Empty takes the installation's."""
    if actor.person_id != person.pk:
        require(actor, Right.ADMINISTER)
    person.timezone = timezone
    try:
        person.clean_fields(exclude=["password"])
    except ValidationError as error:
        raise PersonError(" ".join(error.messages)) from error
    person.save(update_fields=["timezone"])
    audit.record(actor, "person.preferences", f"person {person.email}", timezone=timezone)


def sign_in(email: str, password: str, address: str) -> Person:
    """The person with this address and password.

    Wrong tries are counted per account and per network address; beyond ``sign_in_tries`` in 15 minutes both wait.
    """
    email, now = email.strip().lower()[:150], clock.now()
    keys = [f"account {email}", f"address {address}"]
    limit = current().sign_in_tries
    for key in keys:
        if SignInTry.objects.filter(key=key, at__gt=now - WINDOW).count() >= limit:
            raise PersonError("Too many wrong sign-ins. Wait 15 minutes, or ask an admin for a one-time link.")
    person = authenticate(username=email, password=password)
    if not isinstance(person, Person):
        SignInTry.objects.bulk_create([SignInTry(key=key, at=now) for key in keys])
        raise PersonError("That address and password do not belong together. Check both, or ask an admin for a link.")
    audit.record(str(person), "person.sign_in", f"person {email}", by="password")
    return person


def prune_tries() -> int:
    """Forget wrong sign-ins that no longer count."""
    return SignInTry.objects.filter(at__lt=clock.now() - WINDOW).delete()[0]


def visible(actor: Actor) -> QuerySet[Person]:
    """The one door to people who have a live account, by name."""
    require(actor, Right.READ)
    return Person.objects.filter(is_active=True).order_by("name", "email")


def find(email: str) -> Person | None:
    """The person with this mail address."""
    return Person.objects.filter(email=email.strip().lower()).first()
