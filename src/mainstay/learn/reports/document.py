"""A report as a document, and as the text of a mail."""

from urllib.parse import urlencode

from mainstay.core.documents import Block, Heading, Table, Text, moment
from mainstay.core.settings import current
from mainstay.learn.reports.domain.figures import Figure, Section
from mainstay.learn.reports.domain.telling import shown
from mainstay.learn.reports.services import Report

_HEAD = ("", "Now", "Before", "Difference")


def blocks(report: Report) -> list[Block]:
    """The document."""
    found: list[Block] = [
        Heading(f"Report: {report.title}", 1),
        Text(f"{moment(report.period.start)} to {moment(report.period.end)}, beside {report.before.label}."),
        *(Text(one) for one in report.summary),
    ]
    for section in report.sections:
        found += _section(section)
    return [*found, Text(f"Every number leads to its rows on {link(report)}")]


def _section(section: Section) -> list[Block]:
    found: list[Block] = [Heading(section.title)]
    if section.telling:
        found.append(Table(_HEAD, [_row(one) for one in section.telling]))
    if section.lines:
        rows = [(line.label, *(_cell(one) for one in line.figures)) for line in section.lines]
        found.append(Table(section.head, rows))
    return [*found, *map(Text, section.remarks)]


def _row(one: Figure) -> tuple[str, str, str, str]:
    before = shown(one.before, one.unit) if one.before is not None else ""
    return one.label, shown(one.value, one.unit), before, str(one.meaning)


def _cell(one: Figure) -> str:
    return shown(one.value, one.unit) + (f" (before: {shown(one.before, one.unit)})" if one.before is not None else "")


def query(report: Report) -> str:
    """The part of an address that names a report for good."""
    wanted = report.wanted
    parts = {
        "kind": wanted.kind,
        "team": wanted.team,
        "zone": wanted.zone,
        "shifts": ",".join(wanted.shifts),
        "at": report.period.start.isoformat(),
    }
    return urlencode({name: value for name, value in parts.items() if value})


def link(report: Report) -> str:
    """Where it stands on a screen."""
    return f"{current().public_url}/reports?{query(report)}"


def mail(report: Report) -> str:
    """The text of a mail: the summary, the figures, and the link."""
    parts = list(report.summary)
    for section in report.sections:
        rows = [
            f"  {label}: {now}" + (f" (before: {was}{_said(said)})" if was else "")
            for label, now, was, said in map(_row, section.telling)
        ]
        rows += [f"  {line.label}: {', '.join(map(_cell, line.figures))}" for line in section.lines[:10]]
        if rows:
            parts.append("\n".join([section.title, *rows]))
    return "\n\n".join([*parts, f"Every number leads to its rows: {link(report)}"]) + "\n"


def _said(meaning: str) -> str:
    return f", {meaning}" if meaning else ""
