"""Of the version gate, in each process that writes shadow users."""

from tests.faults.mechanisms.registry import off_in, replaced


@off_in("consumer")
def version_gate():
    """Every state is stored, in the order in which they come."""
    from users import gate

    gate._UPSERT = replaced(gate._UPSERT, "stored.version < EXCLUDED.version", "true")


@off_in("notes", "consumer")
def tombstone():
    """A state is stored whether its user was deleted or not."""
    from users import gate

    gate._UPSERT = replaced(gate._UPSERT, "WHERE NOT EXISTS (SELECT FROM deleted_users", "--")


@off_in("notes", "consumer")
def user_locks():
    """Who writes a user waits for a row at most."""
    from users import gate

    gate.lock_users = lambda _: None
