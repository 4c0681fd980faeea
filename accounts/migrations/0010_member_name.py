"""A name, and indexes by which support finds members by the beginning of it, or of what follows its
first word, in any case.

In SQL, since Django has no operator classes for expressions on both databases. Members without a
name are not in it.
"""

from django.db import migrations, models


PARTS = {
    "postgresql": {
        "member_by_name": "lower(name) text_pattern_ops",
        "member_by_family_name": "lower(substring(name, strpos(name, ' ') + 1)) text_pattern_ops",
    },
    "sqlite": {
        "member_by_name": "lower(name)",
        "member_by_family_name": "lower(substr(name, instr(name, ' ') + 1))",
    },
}


def make_indexes(apps, schema_editor):
    for index, part in PARTS[schema_editor.connection.vendor].items():
        schema_editor.execute(
            f"CREATE INDEX {index} ON accounts_member ({part}, id) WHERE name <> ''"
        )


def drop_indexes(apps, schema_editor):
    for index in PARTS[schema_editor.connection.vendor]:
        schema_editor.execute(f"DROP INDEX IF EXISTS {index}")


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
        migrations.RunPython(make_indexes, drop_indexes),
    ]
