"""A later migration that alters accounts_memberaccess must install the guard again: SQLite makes a
table anew to alter it, and drops the triggers with the old one.
"""

from django.db import migrations

from consent.triggers import ACCESS


def install(apps, schema_editor):
    ACCESS.install(schema_editor.connection)


def remove(apps, schema_editor):
    ACCESS.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("consent", "0004_languages_by_setting"), ("accounts", "0006_member_access")]
    operations = [migrations.RunPython(install, remove)]
