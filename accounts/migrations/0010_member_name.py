"""A name, and an index by which support finds members by the beginning of it in any case.

In SQL, since Django has no operator classes for expressions on both databases. Members without a
name are not in it.
"""

from django.db import migrations, models


def make_index(apps, schema_editor):
    classes = {"postgresql": " text_pattern_ops"}
    kind = classes.get(schema_editor.connection.vendor, "")
    schema_editor.execute(
        f"CREATE INDEX member_by_name ON accounts_member (lower(name){kind}, id) WHERE name <> ''"
    )


def drop_index(apps, schema_editor):
    schema_editor.execute("DROP INDEX IF EXISTS member_by_name")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0009_staff_index")]
    operations = [
        migrations.AddField(
            model_name="member",
            name="name",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="As the host platform knows it; for support, who are called by people.",
                max_length=150,
            ),
        ),
        migrations.RunPython(make_index, drop_index),
    ]
