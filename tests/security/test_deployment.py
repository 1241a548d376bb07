"""What Django itself has to say of the settings, as they are in production."""

import pytest


@pytest.mark.parametrize("project", ["users", "notes"])
def test_django_finds_nothing(manage, project):
    done = manage(
        project, "check", "--deploy", "--fail-level", "WARNING", GATEWAY_URL="https://notes.example"
    )
    assert done.returncode == 0, done.stderr
    assert "System check identified no issues" in done.stdout + done.stderr


@pytest.mark.parametrize("project", ["users", "notes"])
def test_what_is_silenced(manage, project):
    """Both are said by the gateway, or by what holds the certificate in front of it."""
    code = "from django.conf import settings; print(*settings.SILENCED_SYSTEM_CHECKS)"
    done = manage(project, "shell", "--no-imports", "--verbosity", "0", "--command", code)
    assert done.stdout.split() == ["security.W004", "security.W008"]
