"""On how many of a user's notes each tag is, in the trash or not, so that the list of one's tags reads
nothing else.

Of what a statement changed in `notes.tag_names`, or brought to the trash or back, triggers write the sum.
Rows of a tag that nobody else has locked become one with it: no writer ever waits for another, and there
are no more rows of a tag than there were writers at once.
"""

from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_ROWS = "SELECT user_id, deleted_at IS NOT NULL, tag_names, {sign} FROM {table}"
_ADDED = _ROWS.format(sign="1", table="after")
_REMOVED = _ROWS.format(sign="-1", table="before")
_EVENTS = {
    "insert": ("NEW TABLE AS after", _ADDED),
    "update": ("OLD TABLE AS before NEW TABLE AS after", f"{_ADDED} UNION ALL {_REMOVED}"),
    "delete": ("OLD TABLE AS before", _REMOVED),
}
# As in migration 0010, one plan has to serve one note and 10^5 of them: by key, row by row. What is to
# be locked is no join for that reason.
_COUNT = """
CREATE FUNCTION notes_count_tags_{event}() RETURNS trigger
LANGUAGE plpgsql SET enable_seqscan = off AS $$
BEGIN
    WITH changes AS MATERIALIZED (
        SELECT user_id, is_trash, name, sum(more) AS notes
        FROM ({rows}) AS rows (user_id, is_trash, names, more), unnest(names) AS name
        GROUP BY user_id, is_trash, name HAVING sum(more) <> 0
    ), merged AS (
        DELETE FROM tag_counts WHERE id = ANY(ARRAY(
            SELECT here.id FROM changes, LATERAL (
                SELECT id FROM tag_counts AS counts
                WHERE counts.user_id = changes.user_id AND counts.is_trash = changes.is_trash
                    AND counts.name = changes.name
                FOR UPDATE SKIP LOCKED
            ) AS here
        )) RETURNING user_id, is_trash, name, notes
    )
    INSERT INTO tag_counts (user_id, is_trash, name, notes)
    SELECT user_id, is_trash, name, sum(notes)
    FROM (TABLE changes UNION ALL TABLE merged) AS counts
    GROUP BY user_id, is_trash, name HAVING sum(notes) <> 0;
    RETURN NULL;
END
$$;
CREATE TRIGGER notes_count_tags_{event} AFTER {event} ON notes REFERENCING {tables}
    FOR EACH STATEMENT EXECUTE FUNCTION notes_count_tags_{event}();
"""
_DROP_COUNT = """
DROP TRIGGER notes_count_tags_{event} ON notes; DROP FUNCTION notes_count_tags_{event}();
"""
_EMPTY = """
CREATE FUNCTION notes_count_no_tags() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM tag_counts;
    RETURN NULL;
END
$$;
CREATE TRIGGER notes_count_no_tags AFTER TRUNCATE ON notes
    FOR EACH STATEMENT EXECUTE FUNCTION notes_count_no_tags();
"""
_DROP_EMPTY = "DROP TRIGGER notes_count_no_tags ON notes; DROP FUNCTION notes_count_no_tags();"
_FILL = """
INSERT INTO tag_counts (user_id, is_trash, name, notes)
SELECT user_id, deleted_at IS NOT NULL, name, count(*) FROM notes, unnest(tag_names) AS name
GROUP BY 1, 2, 3;
"""


def _keep(event: str) -> Any:
    tables, rows = _EVENTS[event]
    count = _COUNT.format(event=event, tables=tables, rows=rows)
    return migrations.RunSQL(count, _DROP_COUNT.format(event=event))


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("notes", "0012_thinned_versions"),
    ]

    operations = [
        migrations.CreateModel(
            name="TagCount",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("is_trash", models.BooleanField()),
                ("name", models.CharField(db_collation="C", max_length=100)),
                ("notes", models.IntegerField()),
                (
                    "user",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "tag_counts",
                "indexes": [
                    models.Index(fields=["user", "is_trash", "name"], name="tag_counts_of_user")
                ],
            },
        ),
        *map(_keep, _EVENTS),
        migrations.RunSQL(_EMPTY, _DROP_EMPTY),
        migrations.RunSQL(_FILL, migrations.RunSQL.noop),
    ]
