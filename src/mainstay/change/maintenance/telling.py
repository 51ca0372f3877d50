"""What subscribers are told of planned work, in words of the business. All within the caller's transaction."""

from collections.abc import Callable

from mainstay.catalog.calendar.domain import said
from mainstay.change.maintenance.models import Work
from mainstay.core import clock
from mainstay.respond.comms import services as comms


def planned(work: Work) -> None:
    """It will be done."""
    _tell(work, "Maintenance", lambda zone: f"is planned {_span(work, zone)}.")


def moved(work: Work) -> None:
    """It has another time."""
    _tell(work, "Maintenance moved", lambda zone: f"is planned {_span(work, zone)} now.")


def cancelled(work: Work) -> None:
    """It will not be done."""
    _tell(work, "Maintenance called off", lambda zone: f"planned {_span(work, zone)} is called off: {work.outcome}")


def begun(work: Work) -> None:
    """It goes on now."""
    _tell(work, "Maintenance has begun", lambda zone: f"has begun. It ends {said(work.ends_at, zone)}.")


def extended(work: Work) -> None:
    """It has another end."""
    _tell(work, "Maintenance until another time", lambda zone: f"goes on until {said(work.ends_at, zone)}.")


def overran(work: Work) -> None:
    """It should have ended."""
    _tell(
        work,
        "Maintenance takes longer",
        lambda zone: f"should have ended {said(work.ends_at, zone)} and goes on. You are told when it has ended.",
    )


def ended(work: Work) -> None:
    """It is over."""
    well = work.state != Work.State.FAILED
    how = "has ended" if well else "has ended, with trouble that is being looked at"
    _tell(work, "Maintenance has ended" if well else "Maintenance ended with trouble", lambda _: f"{how}.")


def _span(work: Work, zone: str) -> str:
    return f"from {said(work.starts_at, zone)} to {said(work.ends_at, zone)}"


def _tell(work: Work, subject: str, happening: Callable[[str], str]) -> None:
    if not work.announced:
        return
    services = list(work.services.all())
    to, processes = comms.concerned([one.key for one in services], clock.now())
    where = ", ".join(sorted(one.name for one in services))
    hit = f"It can be felt in: {', '.join(processes)}.\n\n" if processes else ""

    def written(zone: str) -> tuple[str, str]:
        return (
            f"{subject}: {where}, {said(work.starts_at, zone)}",
            f"The maintenance of {where} ({work.title}) {happening(zone)}\n\n{hit}{work.reason}\n",
        )

    comms.tell(str(work), to, written)
