"""Foreign keys that cascade in the database, for a DELETE by hand, and that fail where they are
broken instead of at COMMIT."""

from django.db import migrations

_KEYS = [
    ("notes", "user_id", "users", "notes_user_id_c857adc1_fk_users_id"),
    ("note_tags", "note_id", "notes", "note_tags_note_id_3e057119_fk_notes_id"),
    ("note_tags", "tag_id", "tags", "note_tags_tag_id_f9e4f986_fk_tags_id"),
]
_REPLACE = (
    "ALTER TABLE {table} DROP CONSTRAINT {name},"
    " ADD CONSTRAINT {name} FOREIGN KEY ({column}) REFERENCES {target} (id) {how};"
)


def _statements(how: str) -> str:
    return "".join(
        _REPLACE.format(table=table, column=column, target=target, name=name, how=how)
        for table, column, target, name in _KEYS
    )


class Migration(migrations.Migration):
    dependencies = [("notes", "0001_notes")]

    operations = [
        migrations.RunSQL(
            _statements("ON DELETE CASCADE"), _statements("DEFERRABLE INITIALLY DEFERRED")
        )
    ]
