"""What can be done with reviews of problems: draft, edit, have a second person sign. The one door to them."""

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from mainstay.core import clock, people
from mainstay.core.access import Actor, Right, require
from mainstay.core.documents import Block, Heading, Text, moment
from mainstay.core.drawing import Picture
from mainstay.core.problems import ProblemError, bad_request, not_found
from mainstay.core.prose import blocks_of
from mainstay.learn.problems import record, stories
from mainstay.learn.problems.domain import review as writing
from mainstay.learn.problems.domain import tree, wording
from mainstay.learn.problems.models import Problem, Review, ReviewVersion
from mainstay.restore import approval, review

State = Review.State
LONGEST = 50_000


def visible(actor: Actor) -> QuerySet[Review]:
    """The one door to reviews. They name evidence of production, so it takes a responder."""
    require(actor, Right.RESPOND)
    return Review.objects.select_related("problem__service").order_by("-pk")


def get(actor: Actor, number: int) -> Review:
    """The review of a problem."""
    found = visible(actor).filter(problem=number).first()
    if found is None:
        raise not_found(f"review of PRB-{number} yet; draft one")
    return found


def _locked(actor: Actor, number: int) -> Review:
    require(actor, Right.RESPOND)
    found = Review.objects.select_for_update().filter(problem=number).first()
    if found is None:
        raise not_found(f"review of PRB-{number} yet; draft one")
    return found


def content_of(one: Review | ReviewVersion) -> dict[str, Any]:
    """What a signature binds."""
    return {"sections": one.sections, "tree": one.tree}


def hash_of(one: Review | ReviewVersion) -> str:
    """SHA-256 of what a signature binds."""
    return approval.content_hash(content_of(one))


@transaction.atomic
def draft(actor: Actor, number: int) -> Review:
    """Write the first draft from the trail. One that is there already stays."""
    problem = record.locked(actor, number)
    known = Review.objects.filter(problem=problem).first()
    if known is not None:
        return known
    told = stories.told(problem)
    made = Review(
        problem=problem,
        version=0,
        sections=writing.draft(told),
        tree=tree.outline(writing.causes(told)),
    )
    _keep(actor, made)
    record.note(
        actor, problem, "review_draft", f"A review was drafted; incidents that it tells of: {len(told.stories)}"
    )
    return made


@transaction.atomic
def save(actor: Actor, number: int, seen: int, sections: Mapping[str, str], outline: str) -> Review:
    """Keep what was edited. ``seen`` is the version that was edited: with another one nothing is kept (409).

    What was signed, or waits for a signature, is a draft again.
    """
    row = _locked(actor, number)
    if row.version != seen:
        raise ProblemError(
            409, "It has changed", f"{row.edited_name} kept version {row.version} meanwhile: look at both.", "version"
        )
    wanted = {name: sections.get(name, row.sections.get(name, "")).replace("\r\n", "\n") for name in writing.SECTIONS}
    long = next((name for name, text in wanted.items() if len(text) > LONGEST), None)
    if long:
        raise bad_request(f"write at most {LONGEST:,} letters", long)
    try:
        tree.read(outline[:LONGEST])
    except tree.TreeError as error:
        raise bad_request(str(error), "tree") from error
    if wanted == row.sections and outline.replace("\r\n", "\n") == row.tree:
        return row
    row.sections, row.tree = wanted, outline.replace("\r\n", "\n")
    row.state, row.requested_by, row.requested_name = State.DRAFT, None, ""
    row.signed_by, row.signed_name, row.signed_at, row.signed_hash = None, "", None, ""
    _keep(actor, row)
    record.note(actor, row.problem, "review_edit", f"Version {row.version} of the review was kept", hash=hash_of(row))
    return row


def _keep(actor: Actor, row: Review) -> None:
    row.version += 1
    row.edited_at, row.edited_by_id, row.edited_name = clock.now(), actor.person_id, actor.name
    row.save()
    row.versions.create(
        number=row.version,
        sections=row.sections,
        tree=row.tree,
        at=row.edited_at,
        who=actor.name,
        author_id=actor.person_id,
        hash=hash_of(row),
    )


@transaction.atomic
def request(actor: Actor, number: int) -> Review:
    """Ask a second person to sign."""
    row = _locked(actor, number)
    if row.state != State.DRAFT:
        raise ProblemError(409, "Not possible", f"It is {row.get_state_display().lower()}.")
    row.state, row.requested_by_id, row.requested_name = State.REQUESTED, actor.person_id, actor.name
    row.save()
    record.note(
        actor, row.problem, "review_request", f"Version {row.version} waits for a second person", hash=hash_of(row)
    )
    return row


@transaction.atomic
def sign(actor: Actor, number: int, seen_hash: str) -> Review:
    """Sign exactly what was seen, as somebody who wrote none of it."""
    row = _locked(actor, number)
    review.require_step(approval.may_approve(row.state, row.requested_by_id, actor.person_id))
    if row.versions.filter(author=actor.person_id).exists():
        raise ProblemError(409, "Not possible", "You wrote a part of it: another person has to sign.")
    if seen_hash != hash_of(row):
        raise ProblemError(409, "It has changed", "This is not what you saw: it was edited meanwhile. Look again.")
    row.state, row.signed_by_id, row.signed_name = State.SIGNED, actor.person_id, actor.name
    row.signed_at, row.signed_hash = clock.now(), seen_hash
    row.save()
    record.note(actor, row.problem, "review_sign", f"The review was signed off by {actor.name}", hash=seen_hash)
    return row


@transaction.atomic
def send_back(actor: Actor, number: int, reason: str) -> Review:
    """Ask for another draft, and say what is missing."""
    row = _locked(actor, number)
    if row.state != State.REQUESTED:
        raise ProblemError(409, "Not possible", f"It is {row.get_state_display().lower()}.")
    said = review.written(reason, "write what is missing")
    row.state = State.DRAFT
    row.save(update_fields=["state"])
    record.note(actor, row.problem, "review_back", f"{actor.name} sent the review back: {said}")
    return row


def hints(actor: Actor, row: Review) -> list[tuple[str, wording.Hint]]:
    """Sentences that blame, each with the heading that it stands under."""
    names = [one.name for one in people.visible(actor)]
    return [
        (title, hint)
        for name, title in writing.SECTIONS.items()
        for hint in wording.hints(row.sections.get(name, ""), names)
    ]


def whys(row: Review) -> list[str]:
    """The chain of causes, from what was seen down."""
    return tree.whys(tree.read(row.tree))


def picture(row: Review | ReviewVersion) -> Picture | None:
    """The tree of causes; nothing where there is none."""
    nodes = tree.read(row.tree)
    return Picture(tree.draw(nodes), "Tree of causes", tree.outline(nodes)) if nodes else None


def blocks(actor: Actor, problem: Problem, row: Review) -> list[Block]:
    """The document."""
    require(actor, Right.RESPOND)
    signed = (
        f"Signed off by {row.signed_name}, {moment(row.signed_at)}, SHA-256 {row.signed_hash}." if row.signed_at else ""
    )
    found: list[Block] = [
        Heading(f"{problem}: {problem.title}", 1),
        Text(f"Version {row.version}, {row.get_state_display().lower()}. {signed}".strip()),
    ]
    for name, title in writing.SECTIONS.items():
        text = row.sections.get(name, "")
        if text.strip():
            found += [Heading(title), *blocks_of(text)]
        if name == "cause":
            found += _tree(row)
    return found


def _tree(row: Review) -> list[Block]:
    chain, drawn = whys(row), picture(row)
    found: list[Block] = [Heading("Why", 3)] if len(chain) > 1 else []
    if found:
        found += [Text(f"{at}. {'What was seen:' if at == 1 else 'Why?'} {text}") for at, text in enumerate(chain, 1)]
    return [*found, drawn] if drawn else found
