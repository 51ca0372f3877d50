"""What the worker does for drills: breaks, mends, and ends what is over."""

import logging
from datetime import timedelta

from django.db import transaction

from mainstay.core import clock, feed
from mainstay.core.settings import current
from mainstay.learn.drills import deeds, domain, services
from mainstay.learn.drills.entry import scenario_of
from mainstay.learn.drills.models import Drill

log = logging.getLogger(__name__)


def run_due() -> int:
    """Carry the drill that goes on one step further. Returns how many steps were taken."""
    drill = Drill.objects.filter(live=True).first()
    if drill is None:
        return 0
    if drill.state == Drill.State.ASKED:
        return _begin(drill)
    if drill.wanted == "mend":
        return _mend(drill)
    return _end(drill)


def _begin(drill: Drill) -> int:
    """Break it, then let the clock begin. A shop that was broken twice by a crash in between is as broken as once."""
    if drill.wanted == "end":
        drill.state, drill.live, drill.wanted = Drill.State.FAILED, None, ""
        drill.save(update_fields=["state", "live", "wanted"])
        return 1
    wanted = scenario_of(drill.asked)
    began = clock.now()
    try:
        deeds.carry_out(wanted.breaks, "break", f"{drill}: {wanted.name}")
    except deeds.DeedError as error:
        drill.state, drill.live, drill.problem, drill.wanted = Drill.State.FAILED, None, str(error), ""
        drill.save(update_fields=["state", "live", "problem", "wanted"])
        _mended(drill)
        return 1
    with transaction.atomic():
        drill.state, drill.began_at, drill.wanted = Drill.State.RUNNING, began, ""
        drill.save(update_fields=["state", "began_at", "wanted"])
        if wanted.decoy:
            services.plant(wanted.decoy, began)
        feed.tell("drill", drill.pk)
    return 1


def _mend(drill: Drill) -> int:
    problem = _mended(drill)
    Drill.objects.filter(pk=drill.pk, wanted="mend").update(wanted="", problem=problem)
    feed.tell("drill", drill.pk)
    return 1


def _end(drill: Drill) -> int:
    now = clock.now()
    over = domain.is_over(
        scenario_of(drill.asked), services.trail(drill, now), timedelta(minutes=current().drill_minutes)
    )
    if not (over or drill.wanted == "end"):
        return 0
    drill.problem = _mended(drill)
    drill.why_ended = drill.why_ended or over
    with transaction.atomic():
        services.write_debrief(drill, now)
    return 1


def _mended(drill: Drill) -> str:
    """Mend what is broken; what hinders it is said, and keeps nobody from his debrief."""
    try:
        deeds.carry_out(scenario_of(drill.asked).mends, "heal", f"{drill} is over")
    except deeds.DeedError as error:
        log.warning("%s could not be mended: %s", drill, error)
        return f"It could not be mended: {error}"
    return ""
