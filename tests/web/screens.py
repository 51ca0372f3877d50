"""Every screen that a person can come to, and what axe-core says of one."""

from typing import Any

from playwright.sync_api import Page
from tests.web import serve

SCREENS = (
    "/",
    "/i/5",
    "/i/4",
    "/i/1",
    "/i/5/evidence",
    "/i/5/chart",
    "/i/5/logs",
    "/i/5/changes",
    "/i/5/diagnosis",
    "/i/5/cases",
    "/reports",
    "/reports?kind=month&at=now",
    "/reports/rows?kind=month&at=now&figure=incidents",
    "/reports/rows?kind=month&at=now&figure=pages",
    "/reports/rows?kind=month&at=now&figure=releases",
    "/reports/rows?kind=month&at=now&figure=problems",
    "/escalations",
    "/escalations/1",
    "/escalations/2",
    "/escalations/3",
    "/alerts",
    "/alerts/1",
    "/releases",
    "/releases/1",
    "/releases/2",
    "/releases/plans",
    "/releases/plans/shop",
    "/releases/draft-plan/storefront",
    "/maintenance",
    "/maintenance/new",
    "/maintenance/1",
    "/maintenance/2",
    "/configurations",
    "/configurations/gateway",
    "/configurations/lost",
    "/drills",
    "/drills/1",
    "/drills/2",
    "/i/5/cause",
    "/diagnosis",
    "/supportability",
    "/supportability/payments",
    "/supportability/stock",
    "/silences",
    "/problems",
    "/problems/1",
    "/problems/2",
    "/problems/2/review",
    "/problems/1/review",
    "/i/5/alike",
    "/actions",
    "/trackers",
    "/subscribers",
    "/levels",
    "/services",
    "/services/payments",
    "/rules",
    "/rules/payment-error-ratio",
    "/on-call",
    "/logs",
    "/logs?query=level%3Apurple",
    "/logs?query=charge&range=last+6h&columns=service,stream,order&wrap=1",
    "/logs?query=nothing-like-this",
    "/logs/histogram?query=level%3Aerror",
    "/logs/facets",
    "/logs/journey?key=880005",
    "/logs/sql",
    "/logs/formats",
    "/logs/formats/edit",
    "/logs/formats/edit?key=settlement-batch",
    "/logs/formats/edit?service=payments",
    "/logs/patterns",
    "/logs/patterns?range=last+6h&sort=new&service=payments",
    "/logs/patterns?text=nosuchthing",
    "/sql",
    "/sql?connection=ledger",
    "/sql?saved=1&incident=5",
    "/sql/reads/1",
    "/sql/reads/2",
    "/sql/evidence/1",
    "/sql/schema/shop",
    "/deliveries",
    "/changes",
    "/calendar",
    "/calendar?service=payments&month=2027-02&weeks=12",
    "/calendar?week=2027-W04",
    "/calendar/entries/month-end",
    "/calendar/edit",
    "/jobs",
    "/jobs/1",
    "/jobs/new",
    "/corrections",
    "/corrections/new?connection=orders&incident=1",
    "/corrections/1",
    "/corrections/2",
    "/corrections/3",
    "/corrections/4",
    "/corrections/4/edit",
    "/checks",
    "/checks/receipts-disk",
    "/checks/later",
    "/checks/disks-by-book",
    "/known-errors",
    "/known-errors?state=all&text=ledger",
    "/known-errors?text=nosuchthing",
    "/known-errors/KE-31",
    "/known-errors/KE-12",
    "/known-errors/edit",
    "/known-errors/edit?key=KE-40",
    "/known-errors/edit?incident=2",
    "/i/4/known",
    "/runbooks",
    "/runbooks/restart-payments",
    "/runbooks/restart-payments/versions/1/2",
    "/runbooks/restart-payments/run?incident=5",
    "/runbooks/look-at-disk/edit",
    "/runbooks/new",
    "/runs",
    "/runs?q=restarting",
    "/runs/1",
    "/runs/2",
    "/runs/3",
    "/runs/4",
    "/runs/5",
    "/runs/7",
    "/remedies",
    "/remedies/look",
    "/remedies/rotate",
    "/audit",
    "/audit/verify",
    "/health",
    "/intake-errors",
    "/matrix",
    "/me",
    "/go?q=pay",
    "/nowhere",
)
DOORS = ("/sign-in", "/welcome")


def problems(page: Page, *rules: str) -> list[str]:
    """What axe-core finds, as sentences, by all of its rules or these alone."""
    if not page.evaluate("Boolean(window.axe)"):
        # A policy that forbids foreign scripts forbids a script tag; what the debugger evaluates stands outside it.
        page.evaluate(serve.AXE.read_text(encoding="utf-8"))
    found: dict[str, Any] = page.evaluate(
        "rules => axe.run(document, {resultTypes: ['violations'], ...(rules.length ? {runOnly: rules} : {})})",
        list(rules),
    )
    return [
        f"{one['id']}: {node['target']} {node['failureSummary']}"
        for one in found["violations"]
        for node in one["nodes"]
    ]


def problems_by_light_and_dark(page: Page) -> list[str]:
    """What axe-core finds in both colour schemes. Only contrast can differ between them."""
    page.emulate_media(color_scheme="light")
    found = problems(page)
    page.emulate_media(color_scheme="dark")
    return found + [f"dark: {one}" for one in problems(page, "color-contrast")]


OF_LAYOUT = ("target-size", "scrollable-region-focusable", "color-contrast", "meta-viewport")
