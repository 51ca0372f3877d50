"""Rows that a job has archived are in the backup, and back where a new installation keeps them."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from mainstay.core import settings
from mainstay.faces.run import archive as backups
from mainstay.faces.run import doctor
from mainstay.restore.sqldesk.jobs import archive, services
from mainstay.restore.sqldesk.models import Job, JobBatch
from tests.sqldesk.databases import Database
from tests.sqldesk.test_jobs import done, draft, events

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("company")]
assert events


@pytest.fixture(autouse=True)
def _settings() -> Iterator[None]:
    before = settings.current()
    yield
    settings.use(before)


def setting(name: str, value: object) -> None:
    loaded = settings.current()
    settings.use(settings.Loaded({**loaded.values, name: value}, loaded.origins))


@pytest.fixture
def moved(events: Database, tmp_path: Path) -> Path:
    """A backup of the archives of a job, and an installation elsewhere that is about to take it."""
    setting("sql_archive_dir", str(tmp_path / "old"))
    job = done(draft(action="archive"))
    assert job.state == Job.State.DONE, job.state_reason
    with zipfile.ZipFile(tmp_path / "backup.zip", "w") as file:
        count = JobBatch.objects.count()
        assert backups._write_archives(file, services.archived()) == f"archives of jobs: {count} files"
    setting("sql_archive_dir", str(tmp_path / "new"))
    return tmp_path


def test_archives_come_back_where_the_new_installation_keeps_them(moved: Path) -> None:
    with zipfile.ZipFile(moved / "backup.zip") as file:
        assert backups._read_archives(file) == f"archives of jobs: {JobBatch.objects.count()} files"
    for batch in JobBatch.objects.all():
        assert Path(batch.file).is_relative_to(moved / "new")
        archive.verify(Path(batch.file), batch.rows, batch.checksum)


def test_an_archive_that_is_not_what_it_was_is_named(moved: Path) -> None:
    torn = moved / "torn.zip"
    with zipfile.ZipFile(moved / "backup.zip") as file, zipfile.ZipFile(torn, "w") as worse:
        first, *rest = file.namelist()
        worse.writestr(first, file.read(first)[:-9])
        for name in rest:
            worse.writestr(name, file.read(name))
    with zipfile.ZipFile(torn) as file:
        assert backups._read_archives(file).endswith(f"not as they were archived: {first.removeprefix('archives/')}")


def test_the_doctor_says_what_is_gone_and_what_backups_leave_out(moved: Path) -> None:
    assert doctor._archives() == (True, f"{JobBatch.objects.count()} files of archived rows")
    setting("backup_archives", False)
    assert "back them up by other means" in doctor._archives()[1]
    Path(JobBatch.objects.all()[0].file).unlink()
    ok, said = doctor._archives()
    assert not ok
    assert "take them from a backup" in said
