"""The triggers on users write the outbox as the owner of the tables, so that no process of the
service needs the right to write it.

Nobody else may use these functions, in a trigger of a table of his own, say. The path is fixed, so
that nobody puts a table or function of his own in front of those meant here.
"""

from django.db import migrations

_EVENTS = ("insert", "update", "delete", "truncate")
_AS_OWNER = """
ALTER FUNCTION users_capture_{0}() SECURITY DEFINER SET search_path = public, pg_temp;
REVOKE EXECUTE ON FUNCTION users_capture_{0}() FROM PUBLIC;
"""
_AS_CALLER = """
ALTER FUNCTION users_capture_{0}() SECURITY INVOKER RESET search_path;
GRANT EXECUTE ON FUNCTION users_capture_{0}() TO PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("outbox", "0003_notify_a_sleeping_relay")]

    operations = [
        migrations.RunSQL(
            "".join(map(_AS_OWNER.format, _EVENTS)), "".join(map(_AS_CALLER.format, _EVENTS))
        )
    ]
