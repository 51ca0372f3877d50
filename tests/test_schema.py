"""A new database is made at once, an older one step by step; both end alike."""

import json
import os
import subprocess
import sys
from typing import Any

import pytest
from django.core.management import call_command
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from mainstay.core.models import Person
from mainstay.faces.bench.installation import new_database
from tests import schema


def run(program: str) -> Any:
    """What a program prints, as JSON; it has an empty database of the kind that these tests run on."""
    where = {f"MAINSTAY_{name}": value for name, value in new_database().items()}
    env = {**os.environ, "MAINSTAY_DATABASE_URL": "", **where}
    done = subprocess.run([sys.executable, "-m", program], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.django_db
def test_tables_made_at_once_are_those_that_the_migrations_make() -> None:
    assert run("tests.schema") == schema.described()


@pytest.mark.django_db
def test_all_migrations_are_written_down_as_applied_and_nothing_is_done_again() -> None:
    Person.objects.create(email="ana@x.example", name="Ana")
    call_command("migrate", verbosity=0)
    from django.db import connection

    assert set(MigrationRecorder(connection).applied_migrations()) == set(MigrationLoader(connection).disk_migrations)
    assert Person.objects.count() == 1


@pytest.mark.django_db
def test_matches_and_what_helped_become_rows_and_old_columns_take_a_default() -> None:
    assert run("tests.carried_over") == {
        "matches": [["KE-1", "exact", "", "", 2], ["KE-1", "exact", "worked", "Ana", 2]],
        "scoped": {"KE-1": True, "KE-2": False},
    }
