"""Keep searches, and share them with the team."""

from django.db import transaction
from django.db.models import Q, QuerySet

from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.observe.logs.search import times
from mainstay.observe.logs.search.models import SavedSearch
from mainstay.observe.logs.search.parser import parse

MOST = 200


def visible(actor: Actor) -> QuerySet[SavedSearch]:
    """One's own and those that others share, by name."""
    require(actor, Right.READ)
    return (
        SavedSearch.objects.filter(Q(owner=actor.person_id) | Q(shared=True)).select_related("owner").order_by("name")
    )


@transaction.atomic
def save(actor: Actor, name: str, query: str, range_text: str, *, shared: bool = False) -> SavedSearch:
    """Keep a search; one of the same owner and name is replaced. To share one takes the right to respond.

    Raises ``QueryError`` or ``ProblemError`` when query, range or name cannot be used.
    """
    require(actor, Right.RESPOND if shared else Right.READ)
    if actor.person_id is None:
        raise ProblemError(403, "Forbidden", "a search belongs to a person; sign in to save one")
    name = " ".join(name.split())
    if not 1 <= len(name) <= 120:
        raise bad_request("write a name of 1 to 120 characters", "name")
    parse(query)
    within = times.parse(range_text, clock.now())
    known = SavedSearch.objects.filter(owner=actor.person_id)
    if known.exclude(name=name).count() >= MOST:
        raise bad_request(f"you have {MOST} saved searches; delete one first", "name")
    found, _ = SavedSearch.objects.update_or_create(
        owner_id=actor.person_id,
        name=name,
        defaults={"query": query, "range": within.text, "shared": shared, "created_at": clock.now()},
    )
    audit.record(actor, "search.save", name, query=query, range=within.text, shared=shared)
    return found


@transaction.atomic
def delete(actor: Actor, number: int) -> None:
    """Forget one's own search; a maintainer may forget shared ones of others."""
    found = visible(actor).filter(pk=number).first()
    if found is None:
        raise not_found(f"saved search {number}")
    if found.owner_id != actor.person_id:
        require(actor, Right.MAINTAIN)
    audit.record(actor, "search.delete", found.name, owner=str(found.owner))
    SavedSearch.objects.filter(pk=number).delete()
