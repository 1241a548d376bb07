"""For the lists: notes are found by id in as many steps however many there are, and the planner is told
by a function to go along an index."""

import django.contrib.postgres.indexes
from django.db import migrations

# Never called, see notes/list_statements.py. Were it safe in parallel, its cost would have workers started.
_DEAR = """
CREATE FUNCTION notes_dear() RETURNS boolean LANGUAGE plpgsql STABLE PARALLEL UNSAFE COST 300000
AS $$ BEGIN RETURN true; END $$;
"""


class Migration(migrations.Migration):
    dependencies = [("notes", "0010_tag_names")]

    operations = [
        migrations.AddIndex(
            "note", django.contrib.postgres.indexes.HashIndex("id", name="notes_by_id")
        ),
        migrations.RunSQL(_DEAR, "DROP FUNCTION notes_dear();"),
    ]
