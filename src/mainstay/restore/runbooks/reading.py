"""What runs have written and how they differ: output, a search through it, and what changed since last time."""

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.restore.runbooks import services
from mainstay.restore.runbooks.book import compare
from mainstay.restore.runbooks.models import Chunk, Run, StepRun

_AROUND = 120


@dataclass(frozen=True)
class Since:
    """What differs from the last run of the book that was done. Without one everything is new."""

    last: Run | None
    text: tuple[compare.Line, ...]
    inputs: tuple[tuple[str, str | None, str | None], ...]
    added_targets: tuple[str, ...]
    removed_targets: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """A place in the output of a step."""

    run: Run
    step: StepRun
    text: str


def steps(actor: Actor, number: int) -> QuerySet[StepRun]:
    """The steps of a run in their order, each on each target."""
    return services.get(actor, number).steps.all()


def counts(actor: Actor, number: int) -> dict[str, int]:
    """How many steps of a run are in each state."""
    found = services.get(actor, number).steps.order_by().values("state").annotate(count=Count("pk"))
    return {row["state"]: row["count"] for row in found}


def output(actor: Actor, number: int, step_run: int | None = None, after: int = 0) -> QuerySet[Chunk]:
    """What the steps of a run, or one of them, have written behind the piece numbered ``after``, oldest first."""
    run = services.get(actor, number)
    found = Chunk.objects.filter(step_run__run=run, pk__gt=after).select_related("step_run")
    if step_run is not None:
        found = found.filter(step_run=step_run)
    return found.order_by("pk")


def search(actor: Actor, text: str, *, book: str = "", limit: int = 50) -> list[Hit]:
    """Where this text stands in the output of runs, whatever its case, newest first."""
    require(actor, Right.RESPOND)
    if len(text.strip()) < 3:
        raise bad_request("write at least three characters", "text")
    found = Chunk.objects.filter(text__icontains=text.strip()).select_related("step_run__run__version__book")
    if book:
        found = found.filter(step_run__run__version__book__key=book)
    return [
        Hit(one.step_run.run, one.step_run, _snippet(one.text, text.strip())) for one in found.order_by("-pk")[:limit]
    ]


def _snippet(text: str, sought: str) -> str:
    place = max(text.lower().find(sought.lower()), 0)
    return text[max(place - _AROUND, 0) : place + len(sought) + _AROUND]


def since_last(actor: Actor, run: Run) -> Since:
    """What differs from the last run of this book that was done."""
    book = run.version.book_id
    done = services.visible(actor).filter(version__book=book, state=Run.State.DONE).exclude(pk=run.pk)
    last = done.order_by("-started_at").first()
    before = last.inputs if last else {}
    names = sorted(set(before) | set(run.inputs))
    return Since(
        last,
        tuple(compare.lines(last.version.text if last else "", run.version.text)),
        tuple(
            (name, before.get(name), run.inputs.get(name))
            for name in names
            if last and before.get(name) != run.inputs.get(name)
        ),
        tuple(one for one in run.targets if last and one not in last.targets),
        tuple(one for one in (last.targets if last else []) if one not in run.targets),
    )
