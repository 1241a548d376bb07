"""Which exports and imports run at once."""

from contextlib import closing
from threading import BoundedSemaphore

import pytest
from django.db import connection
from rest_framework.exceptions import Throttled

from config.errors import ServiceUnavailable
from transfer import places

pytestmark = pytest.mark.django_db


@pytest.fixture
def other():
    """A connection of another process."""
    with closing(connection.copy()) as other:
        yield other


def locks(connection, user):
    with connection.cursor() as cursor:
        cursor.execute(places._LOCK, [str(user.pk)])
        return cursor.fetchone()[0]


def test_ones_own_export_is_named_before_those_of_others(user, other, monkeypatch):
    monkeypatch.setattr(places, "_places", BoundedSemaphore(1))
    with places._places:
        with pytest.raises(ServiceUnavailable), places.place(user):
            pass
        # Who was refused holds nothing.
        assert locks(other, user)
        with pytest.raises(Throttled), places.place(user):
            pass
