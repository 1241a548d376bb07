"""A database comes back from an older backup."""

import pytest

from tests.faults import operations
from tests.faults.invariants import AUDIT_DELETIONS
from tests.faults.load import OK, UNKNOWN

covers, short = pytest.mark.covers, pytest.mark.short


@covers("reading goes on at the position that came back", off="stored_positions", breaks="I7")
def test_notes_db_restored(system, rng, tmp_path):
    with system.under_load(rng, sampled=False) as load:
        operations.back_up(system.stack.notes_db, tmp_path / "notes_db.dump")
        reach_changes(system, load)
        operations.stop(system, "notes", "consumer")
        operations.restore(system.stack.notes_db, tmp_path / "notes_db.dump")
        forget_notes(load, system.notes_sql)
        operations.start(system, "notes", "consumer")


@covers("a consumer whose positions went back reads on from there", off="went_back", breaks="I1")
def test_notes_db_fails_over_to_an_older_replica(system, rng, tmp_path):
    """Web server and consumer run all the time."""
    with system.under_load(rng, sampled=False) as load:
        operations.back_up(system.stack.notes_db, tmp_path / "notes_db.dump")
        reach_changes(system, load)
        operations.fail_over(system.stack.notes_db, tmp_path / "notes_db.dump")
        reach_changes(system, load)  # Those from before it are recorded by then.
        forget_notes(load, system.notes_sql)


@covers("who is newer in the topic gets a version above it", off="above_the_topic", breaks="I1")
def test_users_db_restored(system, rng, tmp_path):
    """What was answered after the backup is lost, and must be so on both sides."""
    with system.under_load(rng) as load:
        deleted = system.register()
        operations.back_up(system.stack.users_db, tmp_path / "users_db.dump")
        delete_and_send(system, deleted)
        reach_changes(system, load)
        restore_users_db(system, load, tmp_path / "users_db.dump")
        reconcile_topic(system)
        operations.start(system, "users", "relay")
        reach_changes(system, system.start_load(rng))


@covers("a version that was given twice is given up", off="two_contents", breaks="I1")
def test_users_db_restored_and_used_before_the_repair(system, rng, tmp_path):
    """Somebody's changes since then end at just the version that the readers have."""
    with system.under_load(rng) as load:
        user, deleted = system.register(), system.register()
        operations.back_up(system.stack.users_db, tmp_path / "users_db.dump")
        delete_and_send(system, deleted)
        system.rename(user, times=2)
        system.wait_for_shadow(user, version=3)
        reach_changes(system, load)
        restore_users_db(system, load, tmp_path / "users_db.dump")
        operations.start(system, "users", "relay")
        load = system.start_load(rng)
        system.rename(user, times=2)
        system.reach(lambda: not system.waits_in_outbox([user]), "the changes are sent")
        reach_changes(system, load)
        reconcile_topic(system)


def delete_and_send(system, user):
    """What the load deletes may all be younger than the backup."""
    system.delete(user)
    system.wait_for_shadow(user, 2)


def restore_users_db(system, load, dump):
    """Ends the load; users-web and relay are stopped then."""
    load.stop()
    operations.stop(system, "users", "relay")
    sent = system.users_sql(
        "SELECT * FROM faults.changes EXCEPT"
        " SELECT aggregateid::uuid, (payload -> 'data' ->> 'version')::bigint,"
        " payload -> 'data' ->> 'username' FROM outbox"
    )
    operations.restore(system.stack.users_db, dump)
    remember(system, sent)
    forget_changes(load, system.users_sql)


def reconcile_topic(system):
    differing = operations.run(system, "users", "reconcile_topic --dry-run", code=1)
    for kind in ("behind", "deleted", "unknown"):
        assert f"{kind:<10} 0" not in differing, differing
    system.users_sql(AUDIT_DELETIONS)
    operations.run(system, "users", "reconcile_topic", code=1)
    operations.run(system, "users", "reconcile_topic --delete")


def reach_changes(system, load):
    """Until every kind of change was answered with ok from now on, some of them more than once."""
    for _ in range(2):
        system.reach_answers(load)


def forget_notes(load, notes_sql):
    """Those written after the backup may be gone."""
    kept = {title for (title,) in notes_sql("SELECT title FROM notes")}
    for account in list(load.accounts):
        for title, outcome in list(account.notes.items()):
            if outcome == OK and title not in kept:
                account.notes[title] = UNKNOWN


def remember(system, changes):
    """Changes that had been committed and sent, and that the database has forgotten."""
    columns = [list(column) for column in zip(*changes, strict=True)]
    system.users_sql(
        "INSERT INTO faults.changes SELECT * FROM unnest(%s::uuid[], %s::bigint[], %s::text[])"
        " EXCEPT SELECT * FROM faults.changes",
        columns,
    )


def forget_changes(load, users_sql):
    """What an account is now holds; one whose deletion was answered may be deleted again."""
    names = dict(users_sql("SELECT email, username FROM users"))
    for account in load.accounts:
        deleted = {None} & account.usernames
        account.usernames = {names.get(account.email)} | deleted
