"""Writing a note: what is taken, and what is refused and how."""

import uuid

import pytest
from rest_framework.test import APIRequestFactory, force_authenticate

from notes.models import Note
from notes.views import NoteViewSet
from tests.notes.test_notes import FORM, NOTES, errors_of, make, url_of
from users.models import User

pytestmark = pytest.mark.django_db

PART = b'--x\r\nContent-Disposition: form-data; name="title"\r\n\r\nt\r\n'

END = b"--x--\r\n"


class TestCreate:
    def test_the_answer_is_the_note_as_it_is_read_later(self, api, ada):
        response = api.post(NOTES, {"title": "Plan", "content": "a\nb ", "tags": ["Work", "home"]})
        assert response.status_code == 201
        note = response.json()
        assert list(note) == [
            *("id", "title", "content", "content_format", "is_archived", "tags"),
            *("created_at", "updated_at"),
        ]
        assert note["title"] == "Plan"
        assert (note["content"], note["content_format"]) == ("a\nb ", "text")
        assert note["tags"] == ["home", "work"]
        assert note["is_archived"] is False
        assert note["created_at"] == note["updated_at"]
        assert note["created_at"].endswith("Z")
        assert response["Location"] == f"http://testserver{url_of(note)}"
        assert api.get(url_of(note)).json() == note
        assert Note.objects.get().user_id == ada.id

    def test_what_is_left_out_gets_its_default(self, api):
        note = make(api)
        assert (note["title"], note["content"], note["tags"]) == ("Untitled", None, [])

    def test_it_takes_two_queries(self, api, django_assert_num_queries):
        make(api, tags=["a", "b"])
        with django_assert_num_queries(2):  # user, note
            make(api, tags=["a", "b"])

    def test_a_note_may_be_as_long_as_the_limit_and_no_longer(self, api):
        assert len(make(api, content="é" * 2**19)["content"]) == 2**19
        response = api.post(NOTES, {"content": "é" * 2**19 + "e"})
        assert errors_of(response) == {("/content", "max_bytes")}
        assert len(make(api, title="t" * 500)["title"]) == 500
        assert errors_of(api.post(NOTES, {"title": "t" * 501})) == {("/title", "max_length")}

    def test_what_is_of_no_type_that_is_taken_is_told_what_is(self, api):
        for body, detail in (
            ("null", "Give an object."),
            ("[]", "Give an object."),
            ('{"title": 5}', "Give a string."),
            ('{"tags": [5]}', "Give a string."),
            ('{"content": []}', "Give a string or an object."),
        ):
            answer = api.post(NOTES, body, content_type="application/json")
            assert [error["detail"] for error in answer.json()["errors"]] == [detail], body

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            ({"title": ""}, ("/title", "blank")),
            ({"title": " "}, ("/title", "blank")),
            ({"title": "\u200b \u3164\ufeff"}, ("/title", "blank")),
            ({"title": None}, ("/title", "null")),
            ({"title": 5}, ("/title", "invalid")),
            ({"title": True}, ("/title", "invalid")),
            ({"title": ["a"]}, ("/title", "invalid")),
            ({"title": "a\x00"}, ("/title", "null_characters_not_allowed")),
            ({"content": 1.5}, ("/content", "invalid")),
            ({"content": []}, ("/content", "invalid")),
            ({"content": "\x00"}, ("/content", "null_characters_not_allowed")),
            ({"tags": None}, ("/tags", "null")),
            ({"tags": "a"}, ("/tags", "not_a_list")),
            ({"tags": {"a": 1}}, ("/tags", "not_a_list")),
            ({"tags": ["a", 5]}, ("/tags/1", "invalid")),
            ({"tags": ["a", None]}, ("/tags/1", "null")),
            ({"tags": ["a", ""]}, ("/tags/1", "blank")),
            ({"tags": ["a", "\t"]}, ("/tags/1", "blank")),
            ({"tags": ["a", "\u200b"]}, ("/tags/1", "invalid")),
            ({"tags": ["a" * 101]}, ("/tags/0", "invalid")),
            ({"tags": ["a\x00b"]}, ("/tags/0", "invalid")),
            ({"tags": ["a\x07b"]}, ("/tags/0", "invalid")),
            ({"tags": [".."]}, ("/tags/0", "invalid")),
            ({"tags": [str(n) for n in range(51)]}, ("/tags", "max_length")),
            ({"tags": [5] * 51}, ("/tags", "max_length")),
            ({"colour": "red"}, ("/colour", "unknown")),
            ({"a/b~": 1}, ("/a~1b~0", "unknown")),
            ({"id": str(uuid.uuid4())}, ("/id", "read_only")),
            ({"is_archived": True}, ("/is_archived", "read_only")),
            ({"user_id": str(uuid.uuid4())}, ("/user_id", "unknown")),
        ],
    )
    def test_what_cannot_be_is_refused_by_field(self, api, body, error):
        assert errors_of(api.post(NOTES, body)) == {error}
        assert not Note.objects.exists()

    @pytest.mark.parametrize(
        ("body", "error"),
        [
            (r'{"title": "\ud800"}', ("/title", "surrogate_characters_not_allowed")),
            (r'{"content": "a\udfff"}', ("/content", "surrogate_characters_not_allowed")),
            (r'{"tags": ["\ud800"]}', ("/tags/0", "invalid")),
            (r'{"\ud800": 1}', ("/?", "unknown")),
            (r'{"title": 1e400}', ("/title", "invalid")),
            ('{"title": ' + "9" * 4000 + "}", ("/title", "invalid")),
            ("[]", ("", "invalid")),
            ('"title"', ("", "invalid")),
            ("5", ("", "invalid")),
            ("9" * 5000, ("", "invalid")),
            ('{"title": "a", "title": "a"}', ("/title", "duplicate")),
            ('{"tags": [{}, {"a/b": 1, "c": 2, "a/b": {}}]}', ("/tags/1/a~1b", "duplicate")),
            ('{"title": -' + "9" * 5000 + "}", ("/title", "invalid")),
            ('{"a": [' + "[" * 98 + "]" * 98 + "]}", ("/a", "unknown")),
            ('{"a": [' + "[" * 99 + "]" * 99 + "]}", ("/a" + "/0" * 99, "max_depth")),
            ('{"a": ["[", ' * 10_000, ("/a/1" * 50, "max_depth")),
            ('{"a\\"[": ' * 10_000, ('/a"[' * 100, "max_depth")),
            ("[" * 100_000, ("/0" * 100, "max_depth")),
            ('{"a":' * 100_000, ("/a" * 100, "max_depth")),
        ],
    )
    def test_strange_json_is_refused_by_field(self, api, body, error):
        response = api.post(NOTES, body, content_type="application/json")
        assert errors_of(response) == {error}

    def test_what_is_wrong_with_a_lone_surrogate_is_said(self, api):
        response = api.post(NOTES, r'{"tags": ["a\ud800"]}', content_type="application/json")
        assert response.json()["errors"][0]["detail"] == "A lone surrogate is no character."

    @pytest.mark.parametrize("method", ["post", "put", "patch"])
    def test_no_body_is_no_empty_object(self, api, method):
        note = make(api, title="Kept", content="kept")
        path = NOTES if method == "post" else f"{NOTES}{note['id']}/"
        response = getattr(api, method)(path, b"", content_type="application/json")
        assert (response.status_code, response.json()["detail"]) == (400, "The body is empty.")
        assert api.get(f"{NOTES}{note['id']}/").json() == note

    @pytest.mark.parametrize(
        "body",
        [
            b"{",
            b"\xff",
            b'{"title": "\xff"}',
            b'{"title": NaN}',
            b'{"title": "a\nb"}',
            b"[" * 100,
            b'{"a":' * 100,
            b'"' + b'\\"' * 1_000_000,
            b'{"a": }' * 100_000,
            '{"title": "a"}'.encode("utf-16"),
        ],
    )
    def test_what_is_no_json_is_a_400(self, api, body):
        response = api.post(NOTES, body, content_type="application/json; charset=base64")
        assert response.status_code == 400
        assert response.json()["detail"].startswith("The body is not valid JSON: ")

    @pytest.mark.parametrize(
        ("content_type", "body", "status"),
        [
            ("text/plain", b"hello", 415),
            ("application/xml", b"<a/>", 415),
            ("multipart/form-data", b"hello", 400),
            (f"{FORM}; charset=base64", b"title=a", 201),
            (f"{FORM}; charset=nonsense", b"title=a", 201),
            (FORM, b"title=%C3%A9+%f0%9f%92%a1", 201),
            (FORM, "title=é".encode(), 201),
            (FORM, b"title=%ff%00", 400),
            (FORM, b"title=%C3&content=%A9", 400),
            (FORM, b"title=\xe9", 400),
            (FORM, b"%ff=a", 400),
            (FORM, "title=é".encode("latin-1"), 400),
            (f"{FORM}; charset=iso-8859-1", "title=é".encode("latin-1"), 400),
            ("", b"{}", 415),
        ],
    )
    def test_other_kinds_of_body(self, api, content_type, body, status):
        response = api.generic("POST", NOTES, body, content_type=content_type)
        assert response.status_code == status, response.content
        if status >= 400:
            assert response["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (PART + END, 201),
            (PART.replace(b"t\r\n", b"a\r\n--x-ray\r\n") + END, 201),
            (PART.replace(b"t\r\n", b"--x--\r\n") + END, 400),
            (PART.replace(b"t\r\n", "é\r\n".encode()) + END, 201),
            (b"preamble\r\n" + PART + END + b"\r\nepilogue", 201),
            (END, 201),
            (PART, 400),
            (PART + END[:3], 400),
            (PART + PART[:-4], 400),
            (PART.replace(b"t\r\n", b"\xe9\r\n") + END, 400),
            (PART.replace(b"title", b"titl\xe9") + END, 400),
            (PART.replace(b"; name", b"; nome") + END, 400),
            (b"--x\r\n\r\nt\r\n" + PART + END, 400),
            (b"hello", 400),
        ],
    )
    def test_a_multipart_form_is_taken_whole_or_not_at_all(self, api, body, status):
        response = api.generic("POST", NOTES, body, content_type="multipart/form-data; boundary=x")
        assert response.status_code == status, response.content
        assert Note.objects.count() == (status == 201)
        if status >= 400:
            assert response["Content-Type"] == "application/problem+json"

    @pytest.mark.parametrize("kind", ["json", "multipart"])
    def test_far_too_much_is_named_too(self, api, kind):
        response = api.post(NOTES, {"content": "a" * 8_000_000}, format=kind)
        assert errors_of(response) == {("/content", "max_bytes")}

    def test_a_file_is_no_text(self, api, tmp_path):
        (tmp_path / "a.txt").write_text("a")
        with (tmp_path / "a.txt").open("rb") as file:
            response = api.post(NOTES, {"title": "t", "content": file}, format="multipart")
        assert errors_of(response) == {("/content", "invalid")}

    @pytest.mark.django_db(transaction=True)
    def test_a_user_deleted_since_the_token_was_checked_is_a_401(self):
        request = APIRequestFactory().post(NOTES, {"title": "a"}, format="json")
        force_authenticate(request, User(id=uuid.uuid4(), username="gone"))
        response = NoteViewSet.as_view({"post": "create"})(request)
        assert response.status_code == 401
        assert not Note.objects.exists()
