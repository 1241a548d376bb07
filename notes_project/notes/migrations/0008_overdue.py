"""The index by which overdue notes are found is for that alone: the planner took it for the list of a
user's trash, which then reads everybody's. A list does not say that ``deleted_at > '-infinity'``."""

from django.db import migrations

_CREATE = "CREATE INDEX notes_overdue ON notes (deleted_at) WHERE deleted_at > '-infinity';"
_DROP = "DROP INDEX notes_overdue;"


class Migration(migrations.Migration):
    dependencies = [("notes", "0007_lists")]

    operations = [
        migrations.RemoveIndex("note", "notes_overdue"),
        migrations.RunSQL(_CREATE, _DROP),
    ]
