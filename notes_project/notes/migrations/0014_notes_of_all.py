"""For the admin's list of everybody's notes: the last changed ones, and those that changed at a date."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notes", "0013_tag_counts")]

    operations = [
        migrations.AddIndex("note", models.Index(fields=["updated_at", "id"], name="notes_of_all")),
    ]
