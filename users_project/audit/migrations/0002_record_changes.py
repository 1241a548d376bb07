"""Triggers that write an entry for what changes users, their sessions and rights.

They are in the database because commands, a shell and SQL pass by every view. The settings
``audit.actor`` and ``audit.request`` of a transaction say who asks; ``audit.trail`` sets them.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION audit_write(event text, account uuid, session uuid) RETURNS void
LANGUAGE sql AS $$
    INSERT INTO audit_log (event, user_id, session_id, actor_id, request_id)
    VALUES (
        event, account, session,
        NULLIF(current_setting('audit.actor', true), '')::uuid,
        COALESCE(current_setting('audit.request', true), '')
    )
$$;

-- The event is the argument of the trigger.
CREATE FUNCTION audit_user() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_write(TG_ARGV[0], COALESCE(NEW.id, OLD.id), NULL);
    RETURN NULL;
END $$;

CREATE FUNCTION audit_session() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_write(TG_ARGV[0], NEW.user_id, NEW.id);
    RETURN NULL;
END $$;

-- What a deleted user had goes with the user, and is no change.
CREATE FUNCTION audit_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_write('rights_changed', id, NULL)
    FROM users WHERE id = COALESCE(NEW.user_id, OLD.user_id);
    RETURN NULL;
END $$;

-- Without a row the user's own address counts as confirmed.
CREATE FUNCTION audit_address() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_write('email_confirmed', id, NULL)
    FROM users WHERE id = OLD.user_id AND email = OLD.email;
    RETURN NULL;
END $$;

CREATE FUNCTION audit_truncated_users() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM audit_write('deleted', id, NULL) FROM users;
    RETURN NULL;
END $$;
"""

CHANGES = {
    "username_changed": "NEW.username <> OLD.username",
    "email_changed": "NEW.email <> OLD.email",
    "password_changed": (
        "NEW.password <> OLD.password"
        " AND NEW.password IS DISTINCT FROM current_setting('accounts.same_password', true)"
    ),
    "deactivated": "OLD.is_active AND NOT NEW.is_active",
    "activated": "NEW.is_active AND NOT OLD.is_active",
    "staff_granted": "NEW.is_staff AND NOT OLD.is_staff",
    "staff_withdrawn": "OLD.is_staff AND NOT NEW.is_staff",
    "superuser_granted": "NEW.is_superuser AND NOT OLD.is_superuser",
    "superuser_withdrawn": "OLD.is_superuser AND NOT NEW.is_superuser",
    # By itself: the changes above sign out everywhere too.
    "signed_out_everywhere": (
        "NEW.tokens_valid_after > OLD.tokens_valid_after"
        " AND (NEW.password, NEW.is_active, NEW.is_staff, NEW.is_superuser)"
        " = (OLD.password, OLD.is_active, OLD.is_staff, OLD.is_superuser)"
    ),
}

TRIGGERS = """
CREATE TRIGGER audit_registered AFTER INSERT ON users
    FOR EACH ROW EXECUTE FUNCTION audit_user('registered');
CREATE TRIGGER audit_deleted AFTER DELETE ON users
    FOR EACH ROW EXECUTE FUNCTION audit_user('deleted');
CREATE TRIGGER audit_truncated BEFORE TRUNCATE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION audit_truncated_users();
CREATE TRIGGER audit_signed_in AFTER INSERT ON sessions
    FOR EACH ROW EXECUTE FUNCTION audit_session('signed_in');
CREATE TRIGGER audit_session_ended AFTER UPDATE ON sessions
    FOR EACH ROW WHEN (OLD.ended_at IS NULL AND NEW.ended_at IS NOT NULL)
    EXECUTE FUNCTION audit_session('session_ended');
CREATE TRIGGER audit_groups AFTER INSERT OR DELETE ON users_groups
    FOR EACH ROW EXECUTE FUNCTION audit_rights();
CREATE TRIGGER audit_permissions AFTER INSERT OR DELETE ON users_user_permissions
    FOR EACH ROW EXECUTE FUNCTION audit_rights();
CREATE TRIGGER audit_confirmed AFTER DELETE ON pending_addresses
    FOR EACH ROW EXECUTE FUNCTION audit_address();
""" + "".join(
    f"""
CREATE TRIGGER audit_{event} AFTER UPDATE ON users
    FOR EACH ROW WHEN ({condition}) EXECUTE FUNCTION audit_user('{event}');
"""
    for event, condition in CHANGES.items()
)

REVERSE = """
DROP FUNCTION audit_user, audit_session, audit_rights, audit_address, audit_truncated_users CASCADE;
DROP FUNCTION audit_write;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("audit", "0001_audit_log"),
        ("accounts", "0006_pending_addresses_follow_users"),
    ]

    operations = [
        migrations.RunSQL(FUNCTIONS, "SELECT 1"),
        migrations.RunSQL(TRIGGERS, REVERSE),
    ]
