"""SQLite has made accounts_memberaccess anew to alter it, and dropped the triggers with the old one."""

from django.db import migrations

from consent.triggers import ACCESS


def install(apps, schema_editor):
    ACCESS.remove(schema_editor.connection)
    ACCESS.install(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("consent", "0007_told_and_launch"), ("accounts", "0007_access_reasons")]
    operations = [migrations.RunPython(install, migrations.RunPython.noop)]
