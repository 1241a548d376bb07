"""Dead letters in the admin: read, replayed, discarded."""

import uuid

import pytest
from django.contrib.admin.models import LogEntry
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.admin_lists import CappedPaginator
from inbox import apply, letter_admin
from inbox.models import DeadLetter, EventLog
from inbox.replay import replay
from tests.notes.inbox.events import apply_batch, created, raw
from tests.plans import explained, nodes, rows_read
from users.models import User

PAGE = "/admin/notes/inbox/deadletter/"
LOG = "/admin/notes/inbox/eventlog/"
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


def test_those_that_are_open_are_a_filter(staff, letters):
    letters[0].resolve(DeadLetter.Resolution.REPLAYED)
    letters[1].resolve(DeadLetter.Resolution.DISCARDED)
    for number, resolution in enumerate(("replayed", "discarded", "open")):
        page = staff.get(f"{PAGE}?resolution={resolution}").content.decode()
        shown = [f"[0]@{offset}</a>" in page for offset in range(3)]
        assert shown == [offset == number for offset in range(3)]


def test_a_letter_that_is_closed_is_left_as_it_is(letters):
    call = DeadLetter.objects.all()
    assert call.discard("seen") == 3
    assert replay(letters[0]) is None
    assert call.discard("seen twice") == 0
    assert set(call.values_list("resolution_note", flat=True)) == {"seen"}


def test_what_becomes_of_a_letter_is_kept_with_who_did_it(staff, letters, bob):
    act(staff, "replay", letters)
    act(staff, "discard", letters[2:], reason="a test message")
    done = LogEntry.objects.order_by("pk").values_list("user_id", "object_id", "change_message")
    assert list(done) == [
        (bob.id, str(letters[0].pk), "Replayed: applied."),
        (bob.id, str(letters[1].pk), "Replayed: applied."),
        (bob.id, str(letters[2].pk), "Discarded: a test message"),
    ]


def test_where_time_is_up_it_says_how_many_are_left(staff, letters, monkeypatch):
    monkeypatch.setattr(letter_admin, "LONGEST", -1)
    page = act(staff, "replay", letters)
    assert "Not tried yet: 3. Replay again, and it goes on." in page
    assert DeadLetter.objects.open().count() == 3


def test_of_many_that_still_fail_a_few_are_named(staff):
    apply_batch([raw(b"{", offset=offset) for offset in range(8)])
    page = act(staff, "replay", DeadLetter.objects.all())
    assert page.count("the value is not JSON</li>") == 5
    assert "More that still fail: 3." in page


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (b'{"b": ["<i>", 1]}', "{\n  &quot;b&quot;: [\n    &quot;&lt;i&gt;&quot;,\n    1\n  ]\n}"),
        (b'{"a": "\\ud800"}', "\\ud800"),
        (b'{"a": 1, "a": 2}', "Not JSON: This member stands there twice."),
        (b"\xff<script>", "Not JSON: "),
        (b"[" * 5000, "Not JSON: Nested deeper than 100 levels."),
        (None, "null"),
    ],
)
def test_a_value_is_shown_decoded_where_that_can_be(staff, value, shown):
    apply_batch([raw(value)])
    page = staff.get(f"{PAGE}{DeadLetter.objects.get().pk}/change/").content.decode()
    decoded = page.partition("Value decoded:")[2].partition("Value as bytes:")[0]
    assert shown in decoded
    assert "<script>" not in decoded


def test_a_letter_tells_whether_it_can_be_read_now(staff, letters):
    for letter, verdict in ((letters[0], "It can be read now."), (letters[2], "It still fails: ")):
        assert verdict in staff.get(f"{PAGE}{letter.pk}/change/").content.decode()
        letter.resolve(DeadLetter.Resolution.DISCARDED)
        assert "If replayed" not in staff.get(f"{PAGE}{letter.pk}/change/").content.decode()


def test_the_list_of_letters_reads_no_bytes(staff, letters):
    with CaptureQueriesContext(connection) as queries:
        assert staff.get(PAGE).content.decode().count("field-place") == 3
    asked = [query["sql"] for query in queries if "dead_letters" in query["sql"]]
    assert asked
    assert not any('"value"' in sql for sql in asked)


def test_a_page_of_the_event_log_reads_as_many_as_it_shows(staff, monkeypatch):
    monkeypatch.setattr(CappedPaginator, "CAP", 200)
    user = uuid.uuid4()
    with connection.cursor() as cursor:
        cursor.execute(
            'INSERT INTO event_log (topic, partition, "offset", outcome, user_id)'
            " SELECT 't', 0, n, 'applied', CASE n WHEN 7 THEN %s::uuid ELSE gen_random_uuid() END"
            " FROM generate_series(1, 5000) AS n",
            [user],
        )
        cursor.execute("ANALYZE event_log")
    for query, shown, read in (("", 100, 300), (f"?q={user}", 1, 2)):
        with explained() as plans:
            assert staff.get(LOG + query).content.decode().count("field-place") == shown
        assert sum(rows_read(plans, "event_log")) <= read
        removed = [node.get("Rows Removed by Filter", 0) for plan in plans for node in nodes(plan)]
        assert sum(removed) == 0
    assert "It is no id of a user." in staff.get(f"{LOG}?q=ada").content.decode()


def test_the_event_log_is_filtered_by_type(staff, letters):
    EventLog.objects.update(type="user.updated.v1")
    for kind, shown in (("user.updated.v1", True), ("user.deleted.v1", False)):
        page = staff.get(f"{LOG}?type={kind}").content.decode()
        assert "?type=user.snapshot.v1" in page
        assert ('class="field-place"' in page) is shown
