"""``Idempotency-Key``: whatever is sent again, and however often at once, is done once."""

import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection, transaction
from django.utils import timezone
from rest_framework.test import APIRequestFactory, force_authenticate

from notes.idempotency import _claim
from notes.models import IdempotencyKey, Note
from notes.views import NoteViewSet
from tests.notes.test_notes import FORM, NOTES, url_of
from tests.threads import at_once, in_thread, wait_until_blocked
from users.models import User

pytestmark = pytest.mark.django_db
BULK = f"{NOTES}bulk/"
KEPT = ("Location", "ETag", "Cache-Control", "Content-Type")


def send(api, fields=None, key="k", path=NOTES, **options):
    return api.post(
        path,
        {"title": "a"} if fields is None else fields,
        headers={"idempotency-key": key},
        **options,
    )


def shown(answer):
    return answer.status_code, answer.content, [answer.get(name) for name in KEPT]


def assert_again(first, answer):
    assert shown(answer) == shown(first)
    assert answer["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first


def test_the_same_request_again_is_the_same_answer_to_the_byte(api):
    first = send(api, {"title": "é", "content": "a\nb", "tags": ["y", "x"]})
    assert first.status_code == 201
    assert_again(first, send(api, {"title": "é", "content": "a\nb", "tags": ["y", "x"]}))
    assert Note.objects.count() == 1


def test_it_is_the_answer_of_then_whatever_became_of_the_note(api):
    first = send(api)
    api.delete(url_of(first.json()))
    assert_again(first, send(api))


def test_another_body_or_address_is_a_422(api):
    first = send(api, {"title": "a"})
    for answer in (
        send(api, {"title": "b"}),
        send(api, {"title": "a", "tags": []}),
        send(api, {"title": 1}),
        send(api, {"operations": [{"op": "create"}]}, path=BULK),
    ):
        assert answer.status_code == 422
        assert answer["Content-Type"] == "application/problem+json"
    assert_again(first, send(api, {"title": "a"}))
    assert Note.objects.count() == 1


@pytest.mark.parametrize(
    "body", ['{"content": "c", "title": "a"}', ' {"title":"\\u0061","content":"c"}']
)
def test_the_same_meaning_in_other_letters_is_the_same_body(api, body):
    first = send(api, {"title": "a", "content": "c"})
    answer = api.post(
        NOTES, body, content_type="application/json", headers={"idempotency-key": "k"}
    )
    assert_again(first, answer)


@pytest.mark.parametrize("kind", ["multipart", None])
def test_a_form_is_a_body_too(api, kind):
    def post(title):
        if kind:
            return send(api, {"title": title, "tags": ["a", "b"]}, format=kind)
        return send(api, f"title={title}&tags=a&tags=b", content_type=FORM)

    first = post("a")
    assert_again(first, post("a"))
    assert post("b").status_code == 422


def test_a_file_in_a_form_is_refused_and_keeps_nothing(api):
    for name in ("title", "file"):
        fields = {"title": "a", name: SimpleUploadedFile("a.txt", b"a")}
        assert send(api, fields, format="multipart").status_code == 400
    assert send(api).status_code == 201


def test_the_key_is_the_users_own(api, bobs_api):
    first, bobs = send(api), send(bobs_api, {"title": "b"})
    assert (first.status_code, bobs.status_code) == (201, 201)
    assert first.json()["id"] != bobs.json()["id"]
    assert_again(bobs, send(bobs_api, {"title": "b"}))


@pytest.mark.parametrize("key", ["", " ", "a b", "é", "a" * 256, "a\x7f", "a\tb", "a,b"])
def test_a_key_is_1_to_255_visible_ascii_characters_and_one_header(api, key):
    answer = send(api, key=key)
    assert answer.status_code == 400
    assert [(e["header"], e["code"]) for e in answer.json()["errors"]] == [
        ("Idempotency-Key", "invalid")
    ]
    assert not Note.objects.exists()
    assert send(api, key='"~' + "!" * 253).status_code == 201


@pytest.mark.parametrize(
    ("body", "status"), [('{"title": ""}', 400), ('{"titel": "a"}', 400), ("{", 400), ("", 400)]
)
def test_a_refusal_keeps_nothing(api, body, status):
    answer = send(api, body, content_type="application/json")
    assert answer.status_code == status
    assert not IdempotencyKey.objects.exists()
    assert send(api).status_code == 201


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_keeps_nothing(api):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE notes ADD CONSTRAINT never CHECK (title <> 'a') NOT VALID")
    try:
        assert send(api).status_code >= 400
        assert not IdempotencyKey.objects.exists()
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE notes DROP CONSTRAINT never")
    assert send(api).status_code == 201


def test_a_key_is_kept_for_so_long_and_no_longer(api, settings):
    first = send(api)
    almost = timezone.now() - timedelta(hours=settings.NOTES_IDEMPOTENCY_HOURS, minutes=-1)
    IdempotencyKey.objects.update(created_at=almost)
    assert_again(first, send(api))
    IdempotencyKey.objects.update(created_at=almost - timedelta(minutes=2))
    second = send(api, {"title": "b"})
    assert second.status_code == 201
    assert "Idempotent-Replayed" not in second
    assert_again(second, send(api, {"title": "b"}))


def test_as_a_page_it_is_the_same_note(api):
    first = send(api)
    page = api.post(NOTES, {"title": "a"}, headers={"idempotency-key": "k", "accept": "text/html"})
    assert page.status_code == 201
    assert page["Content-Type"].startswith("text/html")
    assert first.json()["id"] in page.content.decode()


def test_bulk_takes_a_key_too(api):
    operations = {"operations": [{"op": "create", "title": "a"}, {"op": "create", "title": ""}]}
    first = send(api, operations, path=BULK)
    assert [result["status"] for result in first.json()["results"]] == [201, 400]
    assert_again(first, send(api, operations, path=BULK))
    assert Note.objects.count() == 1


def test_a_user_deleted_since_the_token_was_checked_is_a_401():
    request = APIRequestFactory().post(NOTES, {"title": "a"}, headers={"idempotency-key": "k"})
    force_authenticate(request, User(id=uuid.uuid4(), username="gone"))
    assert NoteViewSet.as_view({"post": "create"})(request).status_code == 401


def test_deleting_a_user_takes_the_keys(api, ada):
    send(api)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM users WHERE id = %s", [ada.id])
    assert not IdempotencyKey.objects.exists()


def test_depth_is_no_500(api):
    body = '{"title": "a", "content": ' + "[" * 900 + "]" * 900 + "}"
    assert send(api, body, content_type="application/json").status_code == 400


def test_it_takes_so_many_queries(api, django_assert_num_queries):
    send(api, key="other")
    with django_assert_num_queries(6):  # user, savepoint, claim, note, answer, release
        send(api)
    with django_assert_num_queries(5):  # user, savepoint, claim, answer, release
        send(api)


@pytest.mark.django_db(transaction=True)
def test_fifty_equal_requests_at_once_make_one_note_and_get_one_answer(sign_in, ada):
    clients = [sign_in(ada) for _ in range(50)]
    fields = {"title": "a", "tags": ["x", "y"]}
    answers = at_once(lambda number: send(clients[number], fields), 50)
    assert Note.objects.count() == 1
    assert (
        len(
            {
                (answer.status_code, answer.content, answer["ETag"], answer["Location"])
                for answer in answers
            }
        )
        == 1
    )
    assert answers[0].status_code == 201
    assert [a.get("Idempotent-Replayed") for a in answers].count("true") == 49


@pytest.mark.django_db(transaction=True)
def test_an_equal_request_waits_for_the_first_and_gets_its_answer(sign_in, ada):
    api = sign_in(ada)
    first = send(api)
    row = IdempotencyKey.objects.get()
    IdempotencyKey.objects.all().delete()
    with transaction.atomic():
        IdempotencyKey.objects.bulk_create([row])
        waiting = in_thread(lambda: send(sign_in(ada)))
        wait_until_blocked()
    assert_again(first, waiting.result(20))
    assert Note.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_after_a_first_request_that_failed_the_next_does_the_work(sign_in, ada):
    sign_in(ada).get(NOTES)
    user = User.objects.get(id=ada.id)
    with transaction.atomic():
        _claim(user, "k", b"first")
        waiting = in_thread(lambda: send(sign_in(ada)))
        wait_until_blocked()
        transaction.set_rollback(True)
    answer = waiting.result(20)
    assert answer.status_code == 201
    assert Note.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_where_the_first_takes_too_long_it_is_a_409_and_nothing_is_doubled(sign_in, ada):
    sign_in(ada).get(NOTES)
    user = User.objects.get(id=ada.id)

    def impatient():
        with connection.cursor() as cursor:
            cursor.execute("SET statement_timeout = '300ms'")
        return send(sign_in(ada))

    with transaction.atomic():
        _claim(user, "k", b"first")
        answer = in_thread(impatient).result(20)
    assert (answer.status_code, answer["Retry-After"]) == (409, "5")
    assert answer["Content-Type"] == "application/problem+json"
    assert not Note.objects.exists()
