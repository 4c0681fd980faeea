"""A later migration that alters one of these tables must install its guard again: SQLite makes a
table anew to alter it, and drops the triggers with the old one.
"""

from django.db import migrations

from desk.triggers import ACTIONS, CORRECTIONS, REQUESTS

GUARDS = (ACTIONS, REQUESTS, CORRECTIONS)


def install(apps, schema_editor):
    for guard in GUARDS:
        guard.install(schema_editor.connection)


def remove(apps, schema_editor):
    for guard in GUARDS:
        guard.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("desk", "0001_support_desk")]
    operations = [migrations.RunPython(install, remove)]
