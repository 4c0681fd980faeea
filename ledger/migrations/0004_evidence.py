"""The hash of support's evidence, and a choice found by the number of its receipt.

The new index takes about a second for a million choices, in which none can be recorded.
"""

from django.db import migrations, models

from ledger.triggers import ENTRIES


def install(apps, schema_editor):
    ENTRIES.install(schema_editor.connection)


def remove(apps, schema_editor):
    ENTRIES.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("ledger", "0003_channel_gpc")]
    operations = [
        migrations.RunPython(remove, install),
        migrations.AddField(
            model_name="entry",
            name="evidence_sha256",
            field=models.CharField(
                editable=False,
                help_text="SHA-256 of the file by which support recorded it, in hex.",
                max_length=64,
                null=True,
                verbose_name="evidence",
            ),
        ),
        migrations.RemoveConstraint(model_name="entry", name="entry_request_unique"),
        migrations.AddConstraint(
            model_name="entry",
            constraint=models.UniqueConstraint(
                fields=("request_id", "member_ref", "purpose"), name="entry_request_unique"
            ),
        ),
        migrations.RunPython(install, remove),
    ]
