"""Examine an installation: what is wrong, and what to do about it."""

import os
import shutil
import stat
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.core.management import call_command
from django.core.management.base import CommandError

from mainstay.core import audit, clock, heartbeat
from mainstay.core.models import InboxItem, Person
from mainstay.core.settings import current
from mainstay.faces.run.listeners import PREFIX
from mainstay.observe.metrics.models import Rule, ScrapeTarget
from mainstay.observe.telemetry import services as telemetry
from mainstay.respond.oncall.models import EscalationPolicy
from mainstay.respond.paging.models import ContactMethod
from mainstay.restore.sqldesk.jobs import services as jobs


@dataclass(frozen=True)
class Finding:
    """One check: how it went, and what to do."""

    name: str
    ok: bool
    detail: str


def examine() -> list[Finding]:
    """Run every check. One that breaks is a finding, not an end."""
    found = []
    for name, check in _CHECKS.items():
        try:
            ok, detail = check()
        except Exception as error:  # noqa: BLE001 - a check that breaks is a finding too
            ok, detail = False, f"the check itself failed: {type(error).__name__}: {error}"
        found.append(Finding(name, ok, detail))
    return found


def _data_directory() -> tuple[bool, str]:
    path = current().data_dir
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return False, f"others can read {path}; run: chmod 700 {path}"
    free = shutil.disk_usage(path).free // 1_000_000
    if free < 1000:
        return False, f"{free} MB are free below {path}; make room"
    return os.access(path, os.W_OK), f"{path}, {free} MB free"


def _database() -> tuple[bool, str]:
    try:
        call_command("migrate", check=True, verbosity=0)
    except (SystemExit, CommandError):
        return False, "the database is of another version; run: mainstay migrate"
    return True, "reachable, of this version"


def _engine() -> tuple[bool, str]:
    version = telemetry.rows("SELECT version()")[0][0]
    return True, f"ClickHouse {version} answers"


def _spool() -> tuple[bool, str]:
    waiting, refused = telemetry.spool().waiting_bytes(), telemetry.spool().refused()
    if refused:
        return (
            False,
            f"{len(refused)} batches were refused by the engine; read the .reason files in {refused[0].parent}",
        )
    return waiting < current().spool_max_mb * 500_000, f"{waiting // 1000} KB wait for the engine"


def _worker() -> tuple[bool, str]:
    beats = [beat for beat in heartbeat.all_beats() if beat.name.startswith("worker")]
    if not beats:
        return False, "no worker has ever run; start 'mainstay up'"
    last = max(beat.at for beat in beats)
    age = clock.now() - last
    if age > timedelta(seconds=30):
        return False, f"the last sign of life is {int(age.total_seconds())} s old; start 'mainstay up'"
    bad = [f"{beat.name}: {beat.detail}" for beat in beats if not beat.ok]
    return not bad, "; ".join(bad) or f"{len(beats) - 1} loops are well"


def _intake() -> tuple[bool, str]:
    beats = [beat for beat in heartbeat.all_beats() if beat.name.startswith(PREFIX)]
    live = [beat for beat in beats if clock.now() - beat.at < timedelta(seconds=30)]
    bad = [f"{beat.name.removeprefix(PREFIX)}: {beat.detail}" for beat in live if not beat.ok]
    came = [f"{beat.name.removeprefix(PREFIX)} {beat.detail}" for beat in live]
    return not bad, "; ".join(bad or came) or "nothing has come since the start"


def _inbox() -> tuple[bool, str]:
    waiting = InboxItem.objects.filter(failed_at=None).count()
    failed = InboxItem.objects.exclude(failed_at=None).count()
    if failed:
        return False, f"{failed} signals could not be worked off; see System health"
    return True, f"{waiting} signals wait"


def _people() -> tuple[bool, str]:
    if not Person.objects.filter(role="admin", is_active=True).exists():
        return False, "there is no admin; run: mainstay init --admin EMAIL"
    if not EscalationPolicy.objects.filter(is_default=True).exists():
        return False, "no escalation policy is the default one, so some alerts may page nobody; see 'mainstay apply'"
    if not ContactMethod.objects.exists():
        return False, "nobody has a contact method, so nobody can be paged; see 'mainstay apply'"
    return True, "there are an admin, a default policy and people who can be reached"


def _mail() -> tuple[bool, str]:
    wanted = ContactMethod.objects.filter(channel="mail").exists()
    if wanted and not current().smtp_host:
        return False, "people are to be reached by mail and no mail server is set; set smtp_host"
    return True, current().smtp_host or "not used"


def _rules() -> tuple[bool, str]:
    broken = list(Rule.objects.filter(enabled=True).exclude(last_error="").values_list("key", "last_error")[:5])
    targets = list(
        ScrapeTarget.objects.filter(enabled=True).exclude(last_error="").values_list("key", "last_error")[:5]
    )
    bad = [f"rule {key}: {error}" for key, error in broken] + [f"target {key}: {error}" for key, error in targets]
    return not bad, "; ".join(bad) or "rules and targets are well"


def _audit() -> tuple[bool, str]:
    verdict = audit.verify()
    return verdict.intact, verdict.reason


def _archives() -> tuple[bool, str]:
    files = jobs.archived()
    lost = [name for name, file in files.items() if not file.is_file()]
    if lost:
        return False, f"{len(lost)} files of archived rows are gone, such as {lost[0]}; take them from a backup"
    if files and not current().backup_archives:
        return True, f"{len(files)} files below {jobs.archive_root()}, not in backups: back them up by other means"
    return True, f"{len(files)} files of archived rows"


_CHECKS: dict[str, Callable[[], tuple[bool, str]]] = {
    "data directory": _data_directory,
    "database": _database,
    "telemetry engine": _engine,
    "spool": _spool,
    "worker": _worker,
    "intake": _intake,
    "inbox": _inbox,
    "people": _people,
    "mail": _mail,
    "rules and targets": _rules,
    "audit log": _audit,
    "archives of jobs": _archives,
}
