"""What can be done with issues in trackers: make, link, comment, attach, move, hear of them. The one door to them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.catalog.models import Service
from mainstay.core import audit, clock
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.settings import current
from mainstay.learn.trackers import domain, record
from mainstay.learn.trackers.models import Deed, Fact, Issue, Tracker

# What a configuration file says of a tracker beside its key, name and source.
KEPT_AS_WRITTEN = (
    "kind",
    "address",
    "project",
    "user",
    "secret",
    "hook_secret",
    "api",
    "issue_type",
    "labels",
    "states",
    "services",
    "teams",
    "enabled",
)
# Jira takes 32,767 letters; documents of version 3 are longer than their words.
_LONGEST = 25_000
_NUMBERS = {
    "jira": re.compile(r"[A-Z][A-Z0-9_]{0,60}-[0-9]{1,12}"),
    "github": re.compile(r"[0-9]{1,12}"),
    "gitlab": re.compile(r"[0-9]{1,12}"),
}
issues = record.visible
get = record.get


@dataclass(frozen=True)
class Wanted:
    """An issue that somebody asks for.

    ``purpose`` and ``ref`` say what it is for (``action`` 12); the same twice is the same issue. ``text`` is Markdown,
    ``link`` the path of the page of Mainstay that it is for, which the issue names.
    """

    purpose: str
    ref: str
    title: str
    text: str
    link: str = ""


def visible(actor: Actor) -> QuerySet[Tracker]:
    """The one door to trackers, by key."""
    require(actor, Right.READ)
    return Tracker.objects.order_by("key")


@transaction.atomic
def save(actor: Actor, entry: Mapping[str, Any], source: str) -> None:
    """Make or change a tracker."""
    require(actor, Right.MAINTAIN)
    kept = {name: entry[name] for name in KEPT_AS_WRITTEN}
    Tracker.objects.update_or_create(key=entry["key"], defaults={**kept, "name": entry["name"], "source": source})


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Forget a tracker. One whose issues are linked stays, switched off, so that the links can be followed."""
    require(actor, Right.MAINTAIN)
    tracker = Tracker.objects.get(key=key)
    if tracker.issues.exists():
        tracker.enabled, tracker.source = False, ""
        tracker.save(update_fields=["enabled", "source"])
    else:
        tracker.delete()


def tracker_of(actor: Actor, key: str) -> Tracker:
    """A tracker that is in use, by its key. Raises ``ProblemError`` that names those that are."""
    known = {one.key: one for one in visible(actor).filter(enabled=True)}
    if key not in known:
        raise bad_request(f"there is no tracker {key!r}; known are {', '.join(known) or 'none'}", "tracker")
    return known[key]


def for_service(actor: Actor, service: Service | None) -> Tracker | None:
    """Where issues of a service go: the tracker that names it, else its team, else one that names neither."""
    live = list(visible(actor).filter(enabled=True))
    team = service.team.key if service and service.team else None
    named = [one for one in live if service and service.key in one.services]
    by_team = [one for one in live if team and team in one.teams]
    rest = [one for one in live if not one.services and not one.teams]
    return next(iter([*named, *by_team, *rest]), None)


@transaction.atomic
def open_issue(actor: Actor, tracker: Tracker, wanted: Wanted) -> Issue:
    """Ask for an issue. It is made by the worker; until then its state is ``waiting`` and it has no number."""
    require(actor, Right.RESPOND)
    title = " ".join(wanted.title.split())
    if not title:
        raise bad_request("write a title", "title")
    issue, new = _ensure(actor, tracker, wanted, title[:250])
    if not new:
        return issue
    page = (
        f"\n\n[{wanted.purpose} {wanted.ref} in Mainstay]({current().public_url}{wanted.link})" if wanted.link else ""
    )
    record.add(actor, issue, Deed.Act.CREATE, {"text": _cut(wanted.text) + page})
    return issue


def _cut(text: str) -> str:
    """A text that every kind of tracker takes: Jira's limit is the lowest."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…\n\n(cut; the whole is in Mainstay)"


@transaction.atomic
def link_issue(actor: Actor, tracker: Tracker, wanted: Wanted, number: str) -> Issue:
    """Link an issue that is there already; the worker looks at it at once."""
    require(actor, Right.RESPOND)
    number = number.strip().lstrip("#")
    # It becomes part of an address that is called with the tracker's token.
    if not _NUMBERS[tracker.kind].fullmatch(number):
        raise bad_request("write the number or key that the tracker gave it, such as 12 or PAY-12", "issue")
    issue, new = _ensure(actor, tracker, wanted, wanted.title[:250] or number, number=number)
    if not new:
        raise ProblemError(409, "Not possible", f"It has an issue in {tracker.name} already.")
    record.add(actor, issue, Deed.Act.READ, {})
    return issue


def _ensure(actor: Actor, tracker: Tracker, wanted: Wanted, title: str, number: str = "") -> tuple[Issue, bool]:
    """The issue of a thing in a tracker, and whether it is new here."""
    made = {"title": title, "number": number, "made_at": clock.now(), "made_by": actor.name, "link": wanted.link}
    return Issue.objects.get_or_create(tracker=tracker, purpose=wanted.purpose, ref=wanted.ref, defaults=made)


@transaction.atomic
def comment(actor: Actor, issue: Issue, text: str) -> Deed:
    """Say something in the issue, in Markdown, under the name of who says it."""
    require(actor, Right.RESPOND)
    said = text.strip()
    if not said:
        raise bad_request("write what to say", "text")
    return record.add(actor, issue, Deed.Act.COMMENT, {"text": _cut(f"{actor.name}: {said}")})


@transaction.atomic
def attach(actor: Actor, issue: Issue, name: str, content: bytes, link: str) -> Deed:
    """Attach a file. Where the tracker takes none (GitHub), a comment says that it is at ``link``, a path of ours."""
    require(actor, Right.RESPOND)
    most = current().tracker_attachment_megabytes
    if len(content) > most * 1_000_000:
        raise bad_request(f"it is larger than {most} MB; attach less, or raise tracker_attachment_megabytes", "content")
    body = {"name": name[:200], "link": f"{current().public_url}{link}"}
    return record.add(actor, issue, Deed.Act.ATTACH, body, content)


@transaction.atomic
def move(actor: Actor, issue: Issue, state: domain.State) -> Deed:
    """Ask for another state of the issue."""
    require(actor, Right.RESPOND)
    if state not in domain.ASKED:
        raise bad_request(f"write one of {', '.join(domain.ASKED)}", "state")
    return record.add(actor, issue, Deed.Act.MOVE, {"state": state.value})


@transaction.atomic
def retry(actor: Actor, issue: Issue) -> int:
    """Try again what was given up, from the beginning. Returns how many things that are."""
    require(actor, Right.RESPOND)
    again = issue.deeds.filter(state=Deed.State.FAILED)
    # One try is left on the count: what may have been done is looked for before it is done again.
    count = again.update(state=Deed.State.WAITING, tries=1, due_at=clock.now())
    if not count:
        raise ProblemError(409, "Not possible", f"{issue}: nothing was given up.")
    Issue.objects.filter(pk=issue.pk).update(trouble="")
    audit.record(actor, "tracker.retry", str(issue), deeds=count)
    return count


def of(actor: Actor, purpose: str, ref: str) -> QuerySet[Issue]:
    """The issues of one thing, the first that was linked first."""
    return issues(actor).filter(purpose=purpose, ref=ref).order_by("pk")


def untaken(purpose: str, limit: int = 100) -> list[Fact]:
    """What happened in trackers to issues of this purpose and its room has not seen, the oldest first."""
    found = Fact.objects.filter(taken_at=None, issue__purpose=purpose).select_related("issue__tracker")
    return list(found.order_by("pk")[:limit])


def take(fact: Fact) -> bool:
    """Say that a fact was seen, in the transaction of what follows from it. False when another was first."""
    return Fact.objects.filter(pk=fact.pk, taken_at=None).update(taken_at=clock.now()) == 1


def facts(actor: Actor, issue: Issue) -> QuerySet[Fact]:
    """What happened to an issue in its tracker, in order."""
    require(actor, Right.READ)
    return issue.facts.order_by("pk")


def hooked(key: str) -> Tracker:
    """The tracker that a webhook names."""
    found = Tracker.objects.filter(key=key, enabled=True).first()
    if found is None:
        raise not_found(f"tracker {key!r}")
    return found
