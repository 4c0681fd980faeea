"""The cache lies in the database (rate limits are shared by all processes); make its table."""

from django.core.management import call_command
from django.db import migrations

# Named here, and not read from the settings: a site that begins with another cache and comes
# back to this one finds its table.
TABLE = "cache"


def create(apps, schema_editor):
    call_command("createcachetable", TABLE, database=schema_editor.connection.alias, verbosity=0)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    # Backwards nothing is dropped: the command leaves a table that is there alone.
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
