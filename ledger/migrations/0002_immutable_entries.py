"""Triggers that refuse changes of recorded choices.

A later migration that alters ledger_entry must install the guard again: SQLite makes a table
anew to alter it, and drops the triggers with the old one.
"""

from django.db import migrations

from ledger.triggers import FIRST_ENTRIES


def install(apps, schema_editor):
    FIRST_ENTRIES.install(schema_editor.connection)


def remove(apps, schema_editor):
    FIRST_ENTRIES.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
