"""Triggers that write every change of a user into the outbox, in the writer's own transaction.

They are in the database because nothing in Python sees every write: ``QuerySet.update``,
``bulk_create``, raw SQL and other programs pass by ``save()`` and by signals.

The columns that may leave are named one by one in ``user_event_data``; a column added to the
table later stays inside until it is named there.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION rfc3339(moment timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
RETURN to_char(moment AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"');

CREATE FUNCTION user_event_data(u users) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
RETURN jsonb_build_object(
    'id', u.id, 'version', u.version, 'username', u.username, 'is_active', u.is_active,
    'tokens_valid_after', rfc3339(u.tokens_valid_after),
    'created_at', rfc3339(u.created_at), 'updated_at', rfc3339(u.updated_at)
);

-- Wraps the data of a user event, as inserted, into a CloudEvents 1.0 envelope.
CREATE FUNCTION outbox_wrap_user_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.aggregateid := NEW.payload ->> 'id';
    NEW.traceparent := NULLIF(current_setting('outbox.traceparent', true), '');
    NEW.payload := jsonb_build_object(
        'specversion', '1.0', 'id', NEW.id, 'source', '/users', 'type', NEW.type,
        'subject', NEW.aggregateid, 'time', rfc3339(NEW.created_at),
        'datacontenttype', 'application/json',
        'dataschema', CASE NEW.type
            WHEN 'user.deleted.v1' THEN 'user-events/user-deleted.v1.json'
            ELSE 'user-events/user.v1.json'
        END,
        'data', NEW.payload
    );
    IF NEW.traceparent IS NOT NULL THEN
        NEW.payload := NEW.payload || jsonb_build_object('traceparent', NEW.traceparent);
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION outbox_notify() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('outbox', '');
    RETURN NULL;
END $$;

-- Runs under the row lock, so the versions of one user follow the order of commits.
CREATE FUNCTION users_raise_version() RETURNS trigger LANGUAGE plpgsql AS $$
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
        NEW.version := GREATEST(NEW.version, OLD.version + 1);
        NEW.updated_at := now();
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION users_capture_insert() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (aggregatetype, type, payload)
    SELECT 'user', 'user.created.v1', user_event_data(u::users) FROM added AS u;
    RETURN NULL;
END $$;

CREATE FUNCTION users_capture_update() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (aggregatetype, type, payload)
    SELECT 'user', 'user.updated.v1', user_event_data(u::users)
    FROM changed AS u JOIN former USING (id) WHERE u.version > former.version;
    RETURN NULL;
END $$;

CREATE FUNCTION users_capture_delete() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (aggregatetype, type, payload)
    SELECT 'user', 'user.deleted.v1', jsonb_build_object('id', id, 'version', version + 1)
    FROM removed;
    RETURN NULL;
END $$;

CREATE FUNCTION users_capture_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO outbox (aggregatetype, type, payload)
    SELECT 'user', 'user.deleted.v1', jsonb_build_object('id', id, 'version', version + 1)
    FROM users;
    RETURN NULL;
END $$;
"""

TRIGGERS = """
CREATE TRIGGER outbox_wrap_user_event BEFORE INSERT ON outbox
    FOR EACH ROW WHEN (NEW.aggregatetype = 'user') EXECUTE FUNCTION outbox_wrap_user_event();
CREATE TRIGGER outbox_notify AFTER INSERT ON outbox
    FOR EACH STATEMENT EXECUTE FUNCTION outbox_notify();
CREATE TRIGGER users_raise_version BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION users_raise_version();
CREATE TRIGGER users_capture_insert AFTER INSERT ON users
    REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION users_capture_insert();
CREATE TRIGGER users_capture_update AFTER UPDATE ON users
    REFERENCING OLD TABLE AS former NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION users_capture_update();
CREATE TRIGGER users_capture_delete AFTER DELETE ON users
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION users_capture_delete();
CREATE TRIGGER users_capture_truncate BEFORE TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION users_capture_truncate();
"""

REVERSE = """
DROP FUNCTION outbox_wrap_user_event, outbox_notify, users_raise_version, users_capture_insert,
    users_capture_update, users_capture_delete, users_capture_truncate, user_event_data, rfc3339
    CASCADE;
"""


class Migration(migrations.Migration):
    dependencies = [("outbox", "0001_outbox"), ("accounts", "0001_users")]

    operations = [
        migrations.RunSQL(FUNCTIONS, "SELECT 1"),
        migrations.RunSQL(TRIGGERS, REVERSE),
    ]
