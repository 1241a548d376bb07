"""Versions end at 2^53 - 1: so far every reader of JSON takes an integer exactly (RFC 8259, 6).

Changes never come that far, but who can write into the topic can take a user there. So it is no
wall: a user who has the last version keeps it, and each change is a snapshot, of which readers keep
the last. Above it bigint has room for whatever adds one.
"""

from django.db import migrations

LAST = 2**53 - 1
_RAISE = """
CREATE OR REPLACE FUNCTION users_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.id <> OLD.id THEN
        RAISE EXCEPTION 'users.id cannot be changed'
            USING ERRCODE = 'integrity_constraint_violation',
                  HINT = 'Delete the user and create another one.';
    END IF;
    NEW.updated_at := OLD.updated_at;
    NEW.version := GREATEST(NEW.version, OLD.version);
    IF NEW.last_login IS DISTINCT FROM OLD.last_login THEN
        -- A sign-in is no change of the user: compare the rest.
        OLD.last_login := NEW.last_login;
    END IF;
    IF NEW IS DISTINCT FROM OLD THEN
        NEW.version := {raised};
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END $$;
"""
# CREATE OR REPLACE takes back what it does not repeat, but for the rights.
_CAPTURE = """
CREATE OR REPLACE FUNCTION users_capture_update() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (aggregatetype, type, payload)
    SELECT 'user', {updated}, user_event_data(u::users)
    FROM changed AS u JOIN former USING (id) WHERE {changed};
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION users_capture_delete() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (aggregatetype, type, payload)
    SELECT 'user', 'user.deleted.v1', jsonb_build_object('id', id, 'version', {deleted})
    FROM removed;
    RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION users_capture_truncate() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO outbox (aggregatetype, type, payload)
    SELECT 'user', 'user.deleted.v1', jsonb_build_object('id', id, 'version', {deleted})
    FROM users;
    RETURN NULL;
END $$;
"""
_FUNCTIONS = _RAISE + _CAPTURE


class Migration(migrations.Migration):
    dependencies = [("outbox", "0004_capture_as_owner")]

    operations = [
        migrations.RunSQL(
            _FUNCTIONS.format(
                raised=f"LEAST(GREATEST(NEW.version, OLD.version + 1), {LAST})",
                updated=f"CASE u.version WHEN {LAST} THEN 'user.snapshot.v1'"
                " ELSE 'user.updated.v1' END",
                changed=f"u.version > former.version OR u.version = {LAST}",
                deleted=f"LEAST(version + 1, {LAST})",
            ),
            _FUNCTIONS.format(
                raised="GREATEST(NEW.version, OLD.version + 1)",
                updated="'user.updated.v1'",
                changed="u.version > former.version",
                deleted="version + 1",
            ),
        )
    ]
