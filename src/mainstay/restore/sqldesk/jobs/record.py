"""The record of a job, for an auditor: who asked, who approved what, and each batch with its counts and its file."""

from datetime import datetime

from mainstay.core.access import Actor
from mainstay.restore.sqldesk.jobs import facts, services
from mainstay.restore.sqldesk.models import Job


def _moment(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M:%S} UTC" if moment else "-"


def markdown_of(actor: Actor, number: int) -> str:
    """The record as Markdown. Times are UTC."""
    job = services.get(actor, number)
    lines = [
        f"# {job}: {job.title}",
        "",
        f"State: **{job.get_state_display()}**{f' ({job.state_reason})' if job.state_reason else ''}",
        "",
        *_facts(job),
        "",
        "## Rows",
        "",
        "```sql",
        f"-- {job.get_action_display()}",
        f"{job.table} WHERE {job.condition}",
        "```",
        "",
        *(f"- `:{name}` = `{value}`" for name, value in sorted(job.parameters.items())),
        "",
        f"Dry run: {job.dry_run.get('rows', '-')} rows. Done: {job.rows_done} rows.",
        "",
        "## Batches",
        "",
        "| batch | rows | first key | last key | file | SHA-256 over its rows | done |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        *(
            f"| {one.number} | {one.rows} | {one.first_key} | {one.last_key} | {one.file or '-'} "
            f"| {one.checksum or '-'} | {_moment(one.finished_at)} |"
            for one in job.batches.all()
        ),
    ]
    return "\n".join(lines) + "\n"


def _facts(job: Job) -> list[str]:
    told = [
        ("Connection", f"{job.connection} ({job.connection.key})"),
        ("Reason", job.reason),
        ("Incident", str(job.incident or "-")),
        ("Asked by", f"{job.requested_name}, {_moment(job.created_at)}"),
        ("Approved by", f"{job.approved_name or '-'}, {_moment(job.approved_at)}"),
        ("Approved hash", job.approved_hash or "-"),
        ("Hash now", facts.hash_of(job)),
        ("In maintenance windows alone", "yes" if job.in_windows else "no"),
        ("Emergency", job.emergency or "-"),
        ("Finished", _moment(job.finished_at)),
    ]
    return ["| what | |", "| --- | --- |", *(f"| {name} | {' '.join(value.split())} |" for name, value in told)]
