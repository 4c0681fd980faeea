from django.db import migrations, models

from consent.triggers import NOTICES, TEXTS


def remove(apps, schema_editor):
    """SQLite makes the table anew, and would trip over the triggers that read it."""
    for guard in (TEXTS, NOTICES):
        guard.remove(schema_editor.connection)


def install(apps, schema_editor):
    for guard in (NOTICES, TEXTS):
        guard.install(schema_editor.connection)


class Migration(migrations.Migration):

    dependencies = [("consent", "0008_append_only_access_again")]

    operations = [
        migrations.RunPython(remove, migrations.RunPython.noop),
        migrations.AlterModelOptions(
            name="notice",
            options={
                "permissions": [
                    ("propose_notice", "Can propose a notice for publishing"),
                    ("publish_notice", "Can publish a notice that somebody else proposed"),
                ]
            },
        ),
        migrations.AddField(
            model_name="notice",
            name="edited_by",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="notice",
            name="proposed_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddField(
            model_name="notice",
            name="proposed_by",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddField(
            model_name="notice",
            name="published_by",
            field=models.CharField(blank=True, editable=False, max_length=64),
        ),
        migrations.AddConstraint(
            model_name="notice",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("published_by", ""),
                    models.Q(
                        models.Q(("published_by", models.F("proposed_by")), _negated=True),
                        models.Q(("published_by", models.F("edited_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="notice_four_eyes",
                violation_error_message="Who wrote or proposed a notice cannot publish it.",
            ),
        ),
        migrations.RunPython(install, remove),
    ]
