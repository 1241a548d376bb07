"""Of the web servers."""

import re

from tests.faults.mechanisms.registry import off_in


@off_in("users")
def outbox():
    """A registration waits for the broker."""
    from confluent_kafka import KafkaException
    from confluent_kafka.admin import AdminClient
    from django.conf import settings

    from accounts.serializers import RegistrationSerializer
    from config.errors import ServiceUnavailable

    create = RegistrationSerializer.create

    def ask_kafka(self, data):
        admin = AdminClient({"bootstrap.servers": settings.KAFKA_BOOTSTRAP_SERVERS})
        try:
            admin.list_topics(timeout=1)
        except KafkaException:
            raise ServiceUnavailable from None
        return create(self, data)

    RegistrationSerializer.create = ask_kafka


@off_in("users")
def event_by_trigger_first():
    """The event of a registration is committed before its row."""
    from accounts.models import UserQuerySet

    write_event, create_user = _without_trigger(), UserQuerySet.create_user

    def create_and_tell(self, *args, **fields):
        user = create_user(self, *args, **fields)
        write_event(user.pk)
        return user

    UserQuerySet.create_user = create_and_tell


@off_in("users")
def event_by_trigger_last():
    """The event of a registration is committed after its row."""
    from accounts.views import UserList

    write_event, get_success_headers = _without_trigger(), UserList.get_success_headers

    def tell(self, data):
        write_event(data["id"])
        return get_success_headers(self, data)

    UserList.get_success_headers = tell


def as_owner():
    """A connection to users_db that may do what the web server's may not."""
    import os

    import psycopg

    return psycopg.connect(os.environ["FAULTS_USERS_DB_OWNER"])


def _without_trigger():
    """Hides this process's registrations from the trigger; gives what writes an event instead."""
    import os

    from django.db import connection

    os.environ["PGAPPNAME"] = "without-trigger"
    with as_owner() as owner:
        owner.execute(
            "DROP TRIGGER users_capture_insert ON users;"
            " CREATE TRIGGER users_capture_insert AFTER INSERT ON users"
            " REFERENCING NEW TABLE AS added FOR EACH STATEMENT"
            " WHEN (current_setting('application_name') <> 'without-trigger')"
            " EXECUTE FUNCTION users_capture_insert()"
        )

    def write_event(user_id):
        with connection.cursor() as cursor:
            cursor.execute("SELECT user_event_data(u)::text FROM users u WHERE id = %s", [user_id])
            (data,) = cursor.fetchone()
        # Over a connection of its own, so whatever becomes of the row.
        with as_owner() as owner:
            owner.execute(
                "INSERT INTO outbox (aggregatetype, type, payload)"
                " VALUES ('user', 'user.created.v1', %s::jsonb)",
                [data],
            )

    return write_event


@off_in("users", "notes")
def connection_limits():
    """libpq waits for a server as long as the kernel does."""
    from django.conf import settings

    settings.DATABASES["default"]["OPTIONS"] = {}


@off_in("notes")
def key_file():
    """The web server has no copy of the public keys."""
    from django.conf import settings

    settings.NOTES_JWKS_FILE = ""


@off_in("notes")
def token_times():
    """What is wrong with a token's times is no case that the code knows."""
    import jwt

    from users import tokens

    class Decoder:
        PyJWTError = jwt.InvalidKeyError
        ExpiredSignatureError = jwt.InvalidKeyError

        def __getattr__(self, name):
            return getattr(jwt, name)

    tokens.jwt = Decoder()


@off_in("users")
def never_back():
    """A new password refuses the tokens from before the database's present time."""
    with as_owner() as owner:
        question = "SELECT pg_get_functiondef('users_move_tokens_valid_after'::regproc)"
        (function,) = owner.execute(question).fetchone()
        latest = re.compile(r"GREATEST\(\s*NEW.tokens_valid_after, now\(\),[^;]*\);")
        function, count = latest.subn("now();", function)
        assert count == 1, function
        owner.execute(function)
