import io
import json
import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.contrib.sessions.models import Session as BrowserSession
from django.core.management import call_command
from django.db.models import Q
from django.utils import timezone

from accounts import addresses, prune, sessions
from accounts.browser_sessions import SessionStore
from accounts.models import PendingAddress, RefreshToken, Session


def run(*arguments):
    out = io.StringIO()
    call_command("prune_sessions", *arguments, stdout=out)
    return out.getvalue().strip()


def ago(**age):
    return timezone.now() - timedelta(**age)


@pytest.fixture
def kept_and_overdue(ada, new_user, tokens):
    for user in (ada, new_user("bob"), new_user("eve")):
        for _ in range(2):
            _, refresh = sessions.start_with_refresh_token(user, "")
            sessions.rotate(refresh)
            SessionStore().create()
        addresses.propose(user, "next@example.com")
    for name in ("kept", "overdue"):
        addresses.register(f"{name}@example.com", name, "!")
    first = RefreshToken.objects.earliest("id")
    RefreshToken.objects.filter(pk=first.pk).update(created_at=ago(days=15))
    other = Session.objects.filter(user=ada).exclude(pk=first.session_id)
    other.update(expires_at=ago(hours=1))
    BrowserSession.objects.filter(pk__in=BrowserSession.objects.all()[:2]).update(
        expire_date=ago(hours=1)
    )
    overdue = PendingAddress.objects.filter(Q(user=ada) | Q(username="overdue"))
    overdue.update(created_at=ago(days=4))
    counts = {"tokens": 1, "sessions": 1, "browser_sessions": 2, "pending_addresses": 2}
    return counts | {"audit_entries": 0}


def test_what_is_overdue_goes_and_nothing_else(kept_and_overdue):
    assert json.loads(run("--dry-run", "--json")) == kept_and_overdue
    assert Session.objects.count() == 6
    assert run() == (
        "1 tokens, 1 sessions, 2 browser sessions, 2 pending addresses, 0 audit entries deleted"
    )
    assert (Session.objects.count(), BrowserSession.objects.count()) == (5, 4)
    # Two went with their session.
    assert RefreshToken.objects.count() == 9
    kept = PendingAddress.objects.values_list("user__username", "username")
    assert set(kept) == {("bob", ""), ("eve", ""), (None, "kept")}
    assert set(json.loads(run("--json")).values()) == {0}


@pytest.mark.django_db
def test_in_batches(ada, monkeypatch):
    monkeypatch.setattr(prune, "BATCH", 3)
    Session.objects.bulk_create(Session(user=ada, expires_at=ago(days=1)) for _ in range(7))
    assert list(prune.kinds()["sessions"].delete()) == [3, 3, 1]


@pytest.mark.django_db
def test_all_tokens_are_old(ada):
    sessions.start_with_refresh_token(ada, "")
    RefreshToken.objects.update(created_at=ago(days=15))
    assert json.loads(run("--json"))["tokens"] == 1


def test_stops_when_told(settings):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "prune_sessions", "--every", "3600"],
        cwd=Path(__file__).parents[2] / "users_project",
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "USERS_DATABASE_URL": "postgres://users@127.0.0.1:1/users_db",
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    # No database answers there; it says so and waits.
    assert "database_unavailable" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    process.communicate()
