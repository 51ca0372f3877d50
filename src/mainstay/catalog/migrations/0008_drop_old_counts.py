"""The columns that 0004 left in the table for the version before it, which no longer runs beside this one."""

from django.db import migrations

_COLUMNS = {
    "times_used": 'integer NOT NULL DEFAULT 0 CHECK ("times_used" >= 0)',
    "times_worked": 'integer NOT NULL DEFAULT 0 CHECK ("times_worked" >= 0)',
    "last_used_at": "timestamp with time zone NULL",
}


class Migration(migrations.Migration):
    dependencies = [
        ("catalog", "0007_revisions"),
    ]

    operations = [
        migrations.RunSQL(
            f'ALTER TABLE "catalog_knownerror" DROP COLUMN "{name}"',
            f'ALTER TABLE "catalog_knownerror" ADD COLUMN "{name}" {kind}',
        )
        for name, kind in _COLUMNS.items()
    ]
