"""Triggers that refuse a user's tokens and end the sessions, whoever changes password or rights.

They are in the database because ``manage.py changepassword``, a shell and SQL pass by every view.
Two settings of a transaction, ``set_config(name, value, true)``, make exceptions of one value each:
``accounts.same_password``, a hash that is a new one of the same password, and
``accounts.kept_session``, the id of a session that goes on.
"""

from django.db import migrations

FUNCTIONS = """
-- Never back, whatever the clock or a stale row says: tokens carry the value, not a time to compare.
CREATE FUNCTION users_move_tokens_valid_after() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.tokens_valid_after := GREATEST(NEW.tokens_valid_after, OLD.tokens_valid_after);
    IF (NEW.password <> OLD.password
            AND NEW.password IS DISTINCT FROM current_setting('accounts.same_password', true))
        OR (OLD.is_active AND NOT NEW.is_active)
        OR NEW.is_staff <> OLD.is_staff
        OR NEW.is_superuser <> OLD.is_superuser
    THEN
        NEW.tokens_valid_after := GREATEST(
            NEW.tokens_valid_after, now(), OLD.tokens_valid_after + interval '1 microsecond'
        );
    END IF;
    RETURN NEW;
END $$;

-- Sees a session whose sign-in the update has waited for: each statement here looks anew.
CREATE FUNCTION users_end_sessions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sessions SET ended_at = now()
    WHERE user_id = NEW.id AND ended_at IS NULL
        AND id::text IS DISTINCT FROM current_setting('accounts.kept_session', true);
    RETURN NULL;
END $$;
"""

# PostgreSQL runs the triggers of one kind in the order of their names: this one before
# users_raise_version, which compares the rows.
TRIGGERS = """
CREATE TRIGGER users_move_tokens_valid_after BEFORE UPDATE ON users
    FOR EACH ROW EXECUTE FUNCTION users_move_tokens_valid_after();
CREATE TRIGGER users_end_sessions AFTER UPDATE ON users
    FOR EACH ROW WHEN (NEW.tokens_valid_after > OLD.tokens_valid_after)
    EXECUTE FUNCTION users_end_sessions();
"""

REVERSE = "DROP FUNCTION users_move_tokens_valid_after, users_end_sessions CASCADE"


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_cascades_in_the_database")]

    operations = [
        migrations.RunSQL(FUNCTIONS, "SELECT 1"),
        migrations.RunSQL(TRIGGERS, REVERSE),
    ]
