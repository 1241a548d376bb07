"""Former states of notes, kept by a trigger whoever changes them, and idempotency keys."""

from typing import Any

import django.contrib.postgres.fields
import django.contrib.postgres.functions
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

_CASCADES = """
ALTER TABLE note_versions ADD CONSTRAINT note_versions_note_id_fkey
    FOREIGN KEY (note_id) REFERENCES notes (id) ON DELETE CASCADE;
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_user_id_fkey
    FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE;
"""
_CREATE = """
CREATE FUNCTION notes_keep_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO note_versions (note_id, number, title, content, tags, updated_at)
    VALUES (OLD.id, OLD.version, OLD.title, OLD.content, ARRAY(
        SELECT tags.name FROM note_tags JOIN tags ON tags.id = note_tags.tag_id
        WHERE note_tags.note_id = OLD.id ORDER BY tags.name
    ), OLD.updated_at);
    NEW.version := OLD.version + 1;
    RETURN NEW;
END
$$;
CREATE TRIGGER notes_keep_version BEFORE UPDATE ON notes FOR EACH ROW
    WHEN ((OLD.version, OLD.title, OLD.content)
        IS DISTINCT FROM (NEW.version, NEW.title, NEW.content))
    EXECUTE FUNCTION notes_keep_version();
"""
_DROP = """
DROP TRIGGER notes_keep_version ON notes;
DROP FUNCTION notes_keep_version();
"""


def _reference(to: str, **options: Any) -> Any:
    return models.ForeignKey(
        db_constraint=False,
        db_index=False,
        on_delete=django.db.models.deletion.DO_NOTHING,
        to=to,
        **options,
    )


def _now() -> Any:
    return models.DateTimeField(db_default=django.contrib.postgres.functions.TransactionNow())


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("notes", "0004_trash"),
    ]

    operations = [
        migrations.AddField(
            "note", "version", models.IntegerField(db_default=1, default=1, editable=False)
        ),
        migrations.AddIndex(
            "note",
            models.Index(
                condition=~models.Q(deleted_at=None), fields=["deleted_at"], name="notes_overdue"
            ),
        ),
        migrations.CreateModel(
            name="NoteVersion",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "note_id",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("note", _reference("notes.note", related_name="versions")),
                ("number", models.IntegerField()),
                ("title", models.CharField(max_length=500)),
                ("content", models.TextField(null=True)),
                (
                    "tags",
                    django.contrib.postgres.fields.ArrayField(models.CharField(max_length=100)),
                ),
                ("updated_at", models.DateTimeField()),
                ("replaced_at", _now()),
            ],
            options={
                "db_table": "note_versions",
                "indexes": [models.Index(fields=["replaced_at"], name="note_versions_overdue")],
            },
        ),
        migrations.CreateModel(
            name="IdempotencyKey",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "user_id",
                        "key",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("user", _reference(settings.AUTH_USER_MODEL)),
                ("key", models.CharField(db_collation="C", max_length=255)),
                ("request", models.BinaryField()),
                ("status", models.SmallIntegerField(db_default=0, default=0)),
                ("headers", models.JSONField(db_default={}, default=dict)),
                ("body", models.BinaryField(db_default=b"", default=bytes)),
                ("created_at", _now()),
            ],
            options={
                "db_table": "idempotency_keys",
                "indexes": [models.Index(fields=["created_at"], name="idempotency_keys_overdue")],
            },
        ),
        migrations.RunSQL(_CASCADES, migrations.RunSQL.noop),
        migrations.RunSQL(_CREATE, _DROP),
    ]
