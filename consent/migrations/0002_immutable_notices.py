from django.db import migrations

from consent.triggers import HISTORY
from ledger.triggers import Guard

# As they were then; 0009 replaces them.
NOTICES = Guard(
    table="consent_notice",
    message="a published notice cannot be changed or deleted",
    locked="OLD.published_at IS NOT NULL",
    identity=(("id",), ("purpose_id", "version")),
)
TEXTS = Guard(
    table="consent_noticetext",
    message="the text of a published notice cannot be changed or deleted",
    locked="""EXISTS (SELECT 1 FROM consent_notice n
        WHERE n.id = OLD.notice_id AND n.published_at IS NOT NULL)""",
    identity=(("id",), ("notice_id", "language")),
)
GUARDS = (NOTICES, TEXTS, HISTORY)


def install(apps, schema_editor):
    for guard in GUARDS:
        guard.install(schema_editor.connection)


def remove(apps, schema_editor):
    for guard in GUARDS:
        guard.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("consent", "0001_initial")]
    operations = [migrations.RunPython(install, remove)]
