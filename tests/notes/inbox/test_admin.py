"""Dead letters in the admin: read, replayed, discarded."""

import uuid

import pytest

from inbox import apply
from inbox.models import DeadLetter, EventLog
from inbox.replay import replay
from tests.notes.inbox.events import apply_batch, created, raw
from users.models import User

PAGE = "/admin/notes/inbox/deadletter/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def letters(monkeypatch):
    """Two messages that a faulty release could not read, and one that nobody can."""
    messages = [created(uuid.uuid4(), offset=offset) for offset in range(2)]

    def faulty(message):
        raise apply.InvalidMessage("the release is faulty")

    with monkeypatch.context() as patch:
        patch.setattr(apply, "parse", faulty)
        apply_batch(messages)
    apply_batch([raw(b"{<script>", offset=2)])
    return list(DeadLetter.objects.order_by("id"))


def act(staff, action, letters, **fields):
    data = {"action": action, "_selected_action": [letter.pk for letter in letters], **fields}
    response = staff.post(PAGE, data, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_a_letter_is_shown_with_its_bytes_inert(staff, letters):
    page = staff.get(f"{PAGE}{letters[2].pk}/change/").content.decode()
    assert "{&lt;script&gt;" in page
    assert "<script>" not in page.partition("field-value_text")[2].partition("</div>")[0]
    assert "7b 3c 73 63" in page
    assert "the value is not JSON" in page


def test_replay_applies_what_can_be_read_now_and_names_the_rest(staff, letters):
    page = act(staff, "replay", letters)
    assert "Replayed: 2." in page
    assert "[0]@2: the value is not JSON" in page
    users = [bytes(letter.key).decode() for letter in letters[:2]]
    assert User.objects.filter(id__in=users).count() == 2
    assert [letter.pk for letter in DeadLetter.objects.open()] == [letters[2].pk]
    assert "Replayed: 0." in act(staff, "replay", letters[:2])


def test_to_discard_needs_a_reason(staff, letters):
    assert "Say why" in act(staff, "discard", letters, reason=" ")
    assert DeadLetter.objects.open().count() == 3
    assert "Discarded: 1." in act(staff, "discard", letters[2:], reason="a test message")
    assert "a test message" in staff.get(f"{PAGE}{letters[2].pk}/change/").content.decode()
    assert DeadLetter.objects.open().count() == 2


def test_a_letter_that_is_closed_is_left_as_it_is(letters):
    call = DeadLetter.objects.all()
    assert call.discard("seen") == 3
    assert replay(letters[0]) is None
    assert call.discard("seen twice") == 0
    assert set(call.values_list("resolution_note", flat=True)) == {"seen"}


def test_the_event_log_is_filtered_by_type(staff, letters):
    EventLog.objects.update(type="user.updated.v1")
    for kind, shown in (("user.updated.v1", True), ("user.deleted.v1", False)):
        page = staff.get(f"/admin/notes/inbox/eventlog/?type={kind}").content.decode()
        assert "?type=user.snapshot.v1" in page
        assert ('class="field-place"' in page) is shown
