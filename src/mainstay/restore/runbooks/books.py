"""What can be done with books: write, look at, compare, read from files. The one door to them."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import transaction
from django.db.models import Case, Q, QuerySet, When

from mainstay.catalog.models import Service
from mainstay.core import audit, clock, feed, people
from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.restore.runbooks import facts
from mainstay.restore.runbooks.book import compare, lint, page
from mainstay.restore.runbooks.book.model import Book as Content
from mainstay.restore.runbooks.book.model import Problem
from mainstay.restore.runbooks.models import Book, BookVersion

Origin = Book.Origin


@dataclass(frozen=True)
class Source:
    """Where a text comes from: the configuration that names it, the file itself, its commit and who wrote that."""

    origin: str = Origin.DATABASE
    source: str = ""
    path: str = ""
    commit: str = ""
    author: str = ""


def visible(actor: Actor) -> QuerySet[Book]:
    """The one door to books, by key."""
    require(actor, Right.READ)
    return Book.objects.select_related("current").order_by("key")


def get(actor: Actor, key: str) -> Book:
    """One book."""
    found = visible(actor).filter(key=key).first()
    if found is None:
        raise not_found(f"runbook {key}")
    return found


def offered(actor: Actor, service: str, fitting: Sequence[str] = ()) -> QuerySet[Book]:
    """Books that can be used: those that fit, in their order, then the others of a service by key."""
    usable = visible(actor).filter(Q(key__in=fitting) | Q(services__key=service), enabled=True, current__isnull=False)
    if not fitting:
        return usable.distinct().order_by("key")
    place = Case(*(When(key=key, then=at) for at, key in enumerate(fitting)), default=len(fitting))
    return usable.distinct().order_by(place, "key")


def version(actor: Actor, key: str, number: int | None = None) -> BookVersion:
    """A version of a book, or its present one."""
    book = get(actor, key)
    found = book.current if number is None else book.versions.filter(number=number).first()
    if found is None:
        raise not_found(f"version {number} of {key}" if number is not None else f"usable version of {key}")
    return found


def content(actor: Actor, key: str, number: int | None = None) -> Content:
    """What a version says, with its inputs, targets and steps."""
    return facts.book_of(version(actor, key, number).text)


def lint_text(text: str) -> list[Problem]:
    """Everything that is to be said about a text, by line. Errors keep it from being used, hints do not."""
    return lint.check(text)[1]


def html(actor: Actor, key: str, number: int | None = None) -> str:
    """A version as a page that a person can follow by hand. The HTML is safe to show."""
    found = version(actor, key, number)
    return page.render(found.text, facts.book_of(found.text))


def difference(actor: Actor, key: str, before: int, after: int) -> list[compare.Line]:
    """What differs between two versions."""
    return compare.lines(version(actor, key, before).text, version(actor, key, after).text)


@transaction.atomic
def save(actor: Actor, text: str, where: Source | None = None) -> BookVersion:
    """Make a book of a text, or a new version of the book with its key. The same text again changes nothing.

    Raises ``ProblemError`` with every error of the text, or when the book is kept elsewhere.
    """
    require(actor, Right.MAINTAIN)
    where = where or Source()
    text = text.replace("\r\n", "\n")
    read, problems = lint.check(text)
    if read is None:
        wrong = [str(one) for one in problems if not one.hint]
        raise ProblemError(400, "Bad request", f"line {wrong[0]}", "text", problems=wrong)
    known = {one.key: one for one in Service.objects.filter(key__in=read.services)}
    missing = [key for key in read.services if key not in known]
    if missing:
        raise bad_request(f"services: there is no service {missing[0]!r} in the catalog", "text")
    book = Book.objects.select_for_update().filter(key=read.key).first() or Book(key=read.key, origin=where.origin)
    if book.pk and (book.origin, book.source) != (where.origin, where.source) and where.origin == Origin.DATABASE:
        raise ProblemError(
            409, "Comes from a file", f"{book.key} is read from {book.path or book.source}; edit it there"
        )
    if book.pk and book.origin == Origin.DIRECTORY and where.origin == Origin.DIRECTORY and book.path != where.path:
        raise ProblemError(409, "Twice", f"the key {book.key} stands in {book.path} already; give each book its own")
    if (book.origin, book.source, book.path) != (where.origin, where.source, where.path):
        # It was taken out of its file, or lies elsewhere now: whoever put it there wants it used.
        book.enabled = True
    book.name, book.origin, book.source, book.path = read.title, where.origin, where.source, where.path
    book.problem = ""
    book.save()
    book.services.set(known.values())
    return _version(actor, book, text, where)


def _version(actor: Actor, book: Book, text: str, where: Source) -> BookVersion:
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
    if book.current is not None and book.current.hash == digest:
        return book.current
    last = book.versions.first()
    # Whoever wrote the commit does not approve it either, if they have an account here.
    author = people.find(where.author) if where.author else None
    made = BookVersion.objects.create(
        book=book,
        number=last.number + 1 if last else 1,
        text=text,
        hash=digest,
        commit=where.commit,
        author_id=author.pk if author else actor.person_id,
        author_name=str(author) if author else where.author or actor.name,
        at=clock.now(),
    )
    book.current = made
    book.save(update_fields=["current"])
    audit.record(
        actor,
        "runbook.save",
        f"runbook {book.key}",
        version=made.number,
        hash=digest,
        commit=where.commit,
        path=book.path,
    )
    feed.tell("runbook", book.key)
    return made


@transaction.atomic
def switch(actor: Actor, key: str, *, enabled: bool) -> None:
    """Let a book be run, or not any more."""
    require(actor, Right.MAINTAIN)
    book = get(actor, key)
    Book.objects.filter(pk=book.pk).update(enabled=enabled)
    audit.record(actor, "runbook.enable" if enabled else "runbook.disable", f"runbook {key}")
    feed.tell("runbook", key)


@transaction.atomic
def remove(actor: Actor, key: str) -> None:
    """Delete a book that was never run; one with a history stays, and cannot be run any more."""
    require(actor, Right.MAINTAIN)
    book = get(actor, key)
    if book.versions.filter(runs__isnull=False).exists():
        Book.objects.filter(pk=book.pk).update(enabled=False, source="", path="")
        audit.record(actor, "runbook.disable", f"runbook {key}")
    else:
        book.delete()
        audit.record(actor, "runbook.remove", f"runbook {key}")
    feed.tell("runbook", key)
