"""The admin's search finds parts of names and addresses without reading all users."""

import django.contrib.postgres.indexes
from django.contrib.postgres.operations import TrigramExtension
from django.db import migrations
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("accounts", "0007_hash_browser_sessions")]

    operations = [
        TrigramExtension(),
        migrations.AddIndex(
            model_name="user",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(Upper("username"), "gin_trgm_ops"),
                name="users_username_parts",
            ),
        ),
        migrations.AddIndex(
            model_name="user",
            index=django.contrib.postgres.indexes.GinIndex(
                django.contrib.postgres.indexes.OpClass(Upper("email"), "gin_trgm_ops"),
                name="users_email_parts",
            ),
        ),
    ]
