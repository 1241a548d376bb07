"""``notes.deleted_at``: a note in the trash stands in no list."""

from django.conf import settings
from django.db import migrations, models

_LIVING = models.Q(("deleted_at", None))


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("notes", "0003_updated_at"),
    ]

    operations = [
        migrations.AddField("note", "deleted_at", models.DateTimeField(null=True, editable=False)),
        # Before the others go: deleting a user finds the notes by it.
        migrations.AddIndex(
            "note", models.Index(fields=["user", "deleted_at", "id"], name="notes_trash")
        ),
        migrations.RemoveIndex("note", "notes_of_user"),
        migrations.RemoveIndex("note", "notes_of_user_archived"),
        migrations.AddIndex(
            "note",
            models.Index(
                fields=["user", "-updated_at", "-id"], name="notes_of_user", condition=_LIVING
            ),
        ),
        migrations.AddIndex(
            "note",
            models.Index(
                fields=["user", "is_archived", "-updated_at", "-id"],
                name="notes_of_user_archived",
                condition=_LIVING,
            ),
        ),
    ]
