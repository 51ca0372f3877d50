"""What the worker does for reports: mails each once when its time is over."""

from django.db import transaction

from mainstay.core import audit, clock
from mainstay.core.access import SYSTEM
from mainstay.learn.reports import document, services
from mainstay.learn.reports.domain.periods import Kind
from mainstay.learn.reports.models import ReportPlan, SentReport
from mainstay.respond.comms import services as comms


def run_due() -> int:
    """Send what is due. Returns how many were sent."""
    done = 0
    for plan in ReportPlan.objects.filter(enabled=True, next_at__lte=clock.now()).select_related("team"):
        done += _send(plan)
    return done


def _send(plan: ReportPlan) -> int:
    """One report with its mails, and when the next is due, in one commit. The report is worked out before it.

    After a time in which no worker ran, only the last time that is over is told of, not each that was missed.
    """
    calendar = services.calendar_of(plan.timezone, plan.shifts)
    now = clock.now()
    period = calendar.ended(Kind(plan.kind), now)
    report = services.of_plan(plan, period.start)
    following = calendar.containing(Kind(plan.kind), now).end
    to = services.addresses(plan)
    with transaction.atomic():
        taken = ReportPlan.objects.filter(pk=plan.pk, next_at=plan.next_at).update(next_at=following)
        if taken != 1 or SentReport.objects.filter(plan=plan, start=period.start).exists():
            return 0
        told = comms.mail(f"report {plan.key}"[:40], to, f"Report: {report.title}", document.mail(report))
        SentReport.objects.create(
            plan=plan,
            name=report.title[:160],
            link=f"/reports?{document.query(report)}"[:1000],
            start=period.start,
            end=period.end,
            at=now,
            told=told,
            summary=list(report.summary),
        )
        audit.record(SYSTEM, "report.send", f"report {plan.key}", start=period.start, told=told)
    return 1
