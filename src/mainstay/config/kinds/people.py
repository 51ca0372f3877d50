"""People and how they are reached."""

import os
from typing import Any

from mainstay.core.access import Actor
from mainstay.core.models import Person
from mainstay.core.people import PersonError, validate_timezone_name
from mainstay.respond.paging.services import set_contacts

Entry = dict[str, Any]


def load() -> dict[str, tuple[Entry, str]]:
    """People as entries. An address that came from the environment is given by its variable, never as it is."""
    found = {}
    for person in Person.objects.filter(is_active=True).prefetch_related("contact_methods"):
        contact = [
            {
                "channel": one.channel,
                "address": "" if one.address_env else one.address,
                "address_env": one.address_env,
                "min_priority": one.min_priority,
            }
            for one in person.contact_methods.all()
        ]
        entry = {
            "email": person.email,
            "name": person.name,
            "role": person.role,
            "timezone": person.timezone,
            "contact": contact,
        }
        found[person.email] = (entry, person.source)
    return found


def save(actor: Actor, entry: Entry, source: str) -> None:
    """Make or change a person. A new one enters by a one-time link."""
    if entry["timezone"]:
        validate_timezone_name(entry["timezone"])
    person = Person.objects.filter(email=entry["email"]).first()
    if person is None:
        person = Person(email=entry["email"])
        person.set_unusable_password()
    person.name, person.role, person.timezone = entry["name"], entry["role"], entry["timezone"]
    person.source, person.is_active = source, True
    person.save()
    set_contacts(actor, person, [_resolved(one) for one in entry["contact"]], source)


def _resolved(contact: Entry) -> Entry:
    variable = contact.get("address_env")
    if not variable:
        return contact
    address = os.environ.get(variable, "")
    if not address:
        raise PersonError(f"contact.address_env: the environment variable {variable} is not set")
    return {**contact, "address": address}


def remove(actor: Actor, ident: str) -> None:
    """Switch a person off. What they did stays in the logs, so the account is kept."""
    del actor
    Person.objects.filter(email=ident).update(is_active=False, source="")
