"""What runs have written and how they differ: output, a search through it, and what changed since last time."""

from dataclasses import dataclass
from itertools import groupby

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery

from mainstay.core.access import Actor, Right, require
from mainstay.core.problems import bad_request
from mainstay.core.settings import current
from mainstay.restore.runbooks import books, services
from mainstay.restore.runbooks.book import compare
from mainstay.restore.runbooks.models import Book, Chunk, Run, StepRun

_AROUND = 120
SHOWN = 60
# What a person looks for first among many targets.
_FIRST = (StepRun.State.PERSON, StepRun.State.UNKNOWN, StepRun.State.FAILED, StepRun.State.RUNNING)


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
    """A line in the output of a step; of a long one the part around what was found."""

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
    """Lines of the output of runs that hold this text, whatever its case, those of the newest run first.

    The pieces of an attempt's stream are joined, so that a word which was cut between two of them is found. The newest
    output is looked through, as much of it as the settings say.
    """
    require(actor, Right.RESPOND)
    sought = text.strip().casefold()
    if len(sought) < 3:
        raise bad_request("write at least three characters", "text")
    found = Chunk.objects.order_by("-step_run_id", "attempt", "stream", "number")
    if book:
        found = found.filter(step_run__run__version__book__key=book)
    rows = found.values_list("step_run_id", "attempt", "stream", "text").iterator(chunk_size=200)
    left, hits = current().runbook_search_mb * 1_000_000, list[tuple[int, str]]()
    for (number, _, _), pieces in groupby(rows, key=lambda row: row[:3]):
        whole = "".join(row[3] for row in pieces)
        # Most output does not hold it, and is not taken apart.
        if sought in whole.casefold():
            hits += [(number, _snippet(line, sought)) for line in whole.splitlines() if sought in line.casefold()]
        left -= len(whole)
        if len(hits) >= limit or left <= 0:
            break
    hits = hits[:limit]
    steps_by = StepRun.objects.select_related("run__version__book").in_bulk({number for number, _ in hits})
    return [Hit(steps_by[number].run, steps_by[number], line) for number, line in hits]


def _snippet(line: str, sought: str) -> str:
    place = max(line.casefold().find(sought), 0)
    return line[max(place - _AROUND, 0) : place + len(sought) + _AROUND]


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


@dataclass(frozen=True)
class BoardLine:
    """A step of a run over its targets: how many are in each state, and those that are worth a look."""

    phase: str
    step: str
    counts: tuple[tuple[str, str, int], ...]
    cells: tuple[StepRun, ...]

    @property
    def total(self) -> int:
        """How many targets it has."""
        return sum(count for _, _, count in self.counts)


def board(actor: Actor, number: int) -> list[BoardLine]:
    """The steps of a run in their order. Of a run with many cells only those that tell something are among them."""
    run = services.get(actor, number)
    counted = run.steps.order_by("phase", "place", "step", "state").values_list("phase", "step", "state")
    counts: dict[tuple[str, str], list[tuple[str, str, int]]] = {}
    for phase, step, state, count in counted.annotate(count=Count("pk")):
        counts.setdefault((phase, step), []).append((state, StepRun.State(state).label, count))
    every = run.steps.order_by("place", "pk")
    few = sum(count for line in counts.values() for _, _, count in line) <= SHOWN
    cells: dict[tuple[str, str], list[StepRun]] = {}
    for cell in every if few else every.filter(state__in=_FIRST)[:SHOWN]:
        cells.setdefault((cell.phase, cell.step), []).append(cell)
    order = list(StepRun.Phase.values)
    lines = [BoardLine(*key, tuple(found), tuple(cells.get(key, ()))) for key, found in counts.items()]
    return sorted(lines, key=lambda line: order.index(line.phase))


def asked(actor: Actor, number: int) -> QuerySet[StepRun]:
    """The steps that wait for a person to answer, or to tell what became of them."""
    return steps(actor, number).filter(state__in=(StepRun.State.PERSON, StepRun.State.UNKNOWN))[:SHOWN]


def broke(actor: Actor, number: int) -> QuerySet[StepRun]:
    """The steps from which a run that has ended would go on, because they failed or nobody knows their outcome."""
    return steps(actor, number).filter(state__in=(StepRun.State.FAILED, StepRun.State.UNKNOWN))[:SHOWN]


def shelf(actor: Actor, text: str = "", service: str = "") -> QuerySet[Book]:
    """Books with their last run (``last_run``, ``last_state``, ``last_at``), by words of their name or by service."""
    last = Run.objects.filter(version__book=OuterRef("pk")).exclude(started_at=None).order_by("-started_at")
    found = books.visible(actor).prefetch_related("services")
    if text:
        found = found.filter(Q(name__icontains=text) | Q(key__icontains=text))
    if service:
        found = found.filter(services__key=service)
    return found.annotate(
        last_run=Subquery(last.values("pk")[:1]),
        last_state=Subquery(last.values("state")[:1]),
        last_at=Subquery(last.values("started_at")[:1]),
    )


def of_book(actor: Actor, key: str) -> QuerySet[Run]:
    """The runs of a book, newest first."""
    return services.visible(actor).filter(version__book__key=key)


def of_incident(actor: Actor, incident: int) -> QuerySet[Run]:
    """The runs that were made for an incident, newest first."""
    return services.visible(actor).filter(incident_id=incident)
