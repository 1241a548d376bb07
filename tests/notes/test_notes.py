import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections, transaction

from notes.models import Note, NoteTag, Tag
from tests.threads import in_thread, wait_until_blocked

NOTES = "/api/v1/notes/"
FORM = "application/x-www-form-urlencoded"
pytestmark = pytest.mark.django_db


def make(api, **fields):
    response = api.post(NOTES, fields)
    assert response.status_code == 201, response.content
    return response.json()


def url_of(note):
    return f"{NOTES}{note['id']}/"


def errors_of(response, status=400):
    """The errors' pointers, or parameters, and codes."""
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    return {(e.get("pointer", e.get("parameter")), e["code"]) for e in response.json()["errors"]}


def assert_not_found(response):
    assert response.status_code == 404
    assert response["Content-Type"] == "application/problem+json"
    body = response.json()
    assert {name: body[name] for name in ("type", "title", "status")} == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
    }


class TestRead:
    @pytest.mark.parametrize("method", ["get", "put", "patch", "delete"])
    def test_not_mine_and_not_existing_are_the_same(self, api, bobs_api, method):
        theirs, deleted = make(bobs_api, title="Bob's"), make(api)
        api.delete(url_of(deleted))
        bodies = []
        for note in (theirs, deleted, {"id": uuid.uuid4()}):
            response = getattr(api, method)(url_of(note), {"title": "x"} if "p" in method else None)
            assert_not_found(response)
            body = response.json()
            bodies.append((body["detail"], response["Allow"], sorted(response.headers)))
        assert bodies[0] == bodies[1] == bodies[2]
        assert Note.objects.get(title="Bob's")

    @pytest.mark.parametrize("action", ["archive", "unarchive"])
    def test_so_for_archiving(self, api, bobs_api, action):
        note = make(bobs_api)
        assert_not_found(api.post(f"{url_of(note)}{action}/"))
        assert_not_found(api.post(f"{NOTES}{uuid.uuid4()}/{action}/"))
        assert bobs_api.get(url_of(note)).json() == note

    @pytest.mark.parametrize("text", ["1", "abc", "%00", "0" * 36, "é", "%ff", "a.json", "'--"])
    def test_an_id_that_is_no_uuid_is_a_404(self, api, text):
        assert_not_found(api.get(f"{NOTES}{text}/"))

    def test_an_id_in_capitals_is_the_same_id(self, api):
        note = make(api)
        assert api.get(f"{NOTES}{note['id'].upper()}/").json() == note

    def test_it_takes_one_query(self, api, django_assert_num_queries):
        note = make(api, tags=["a", "b", "c"])
        with django_assert_num_queries(2):  # user, note
            api.get(url_of(note))

    def test_methods_that_are_not_there_are_a_405(self, api):
        for method, path in (("put", NOTES), ("delete", NOTES), ("post", url_of(make(api)))):
            response = getattr(api, method)(path)
            assert response.status_code == 405
            assert response["Content-Type"] == "application/problem+json"
            assert response["Allow"]

    def test_a_type_that_is_not_there_is_a_406(self, api):
        response = api.get(NOTES, headers={"accept": "image/png"})
        assert response.status_code == 406
        assert response["Content-Type"] == "application/problem+json"

    def test_no_slash_at_the_end(self, api):
        response = api.get(NOTES.rstrip("/"))
        assert "html" not in response.get("Content-Type", "")
        assert response.status_code in (308, 404)


class TestChange:
    def test_put_replaces_all(self, api):
        note = make(api, title="a", content="b", tags=["c"])
        changed = api.put(url_of(note), {"title": "d"}).json()
        assert (changed["title"], changed["content"], changed["tags"]) == ("d", None, [])
        changed = api.put(url_of(note), {"content": "e", "tags": ["f"]}).json()
        assert (changed["title"], changed["content"], changed["tags"]) == ("Untitled", "e", ["f"])
        assert api.get(url_of(note)).json() == changed

    @pytest.mark.parametrize(
        "fields",
        [
            {"title": "d"},
            {"content": None},
            {"content": ""},
            {"content": "d"},
            {"tags": []},
            {"tags": ["c", "d"]},
            {"tags": ["d"]},
            {"title": "d", "tags": ["e"]},
        ],
    )
    def test_patch_changes_what_is_given(self, api, fields):
        note = make(api, title="a", content="b", tags=["c"])
        changed = api.patch(url_of(note), fields).json()
        assert changed == {**note, **fields, "updated_at": changed["updated_at"]}
        assert changed["updated_at"] > note["updated_at"]
        assert api.get(url_of(note)).json() == changed

    def test_patch_with_nothing_changes_nothing(self, api):
        note = make(api, title="a", content="b", tags=["c"])
        assert api.patch(url_of(note), {}).json() == note

    def test_a_bad_change_changes_nothing(self, api):
        note = make(api, title="a", content="b", tags=["c"])
        response = api.patch(url_of(note), {"title": "", "tags": ["d"], "content": "e"})
        assert errors_of(response) == {("/title", "blank")}
        assert errors_of(api.put(url_of(note), {"id": note["id"]})) == {("/id", "read_only")}
        assert api.get(url_of(note)).json() == note

    def test_what_is_deleted_is_gone(self, api):
        note = make(api, tags=["a"])
        response = api.delete(url_of(note))
        assert (response.status_code, response.content) == (204, b"")
        assert_not_found(api.get(url_of(note)))
        for method in ("put", "patch", "delete"):
            assert_not_found(getattr(api, method)(url_of(note), {"title": "x"}))
        for action in ("archive", "unarchive"):
            assert_not_found(api.post(f"{url_of(note)}{action}/"))

    def test_what_is_so_already_changes_nothing(self, api):
        note = make(api, title="a", content="b", tags=["c", "d"])
        fields = {"title": "a", "content": "b", "tags": ["D", "c"]}
        assert api.put(url_of(note), fields).json() == note
        assert api.patch(url_of(note), {"tags": ["d", "c"]}).json() == note

    def test_archiving_twice_changes_it_once(self, api):
        note = make(api, tags=["a"])
        archived = api.post(f"{url_of(note)}archive/").json()
        assert archived == {**note, "is_archived": True, "updated_at": archived["updated_at"]}
        assert archived["updated_at"] > note["updated_at"]
        assert api.post(f"{url_of(note)}archive/").json() == archived
        back = api.post(f"{url_of(note)}unarchive/").json()
        assert back["is_archived"] is False
        assert back["updated_at"] > archived["updated_at"]


class TestTagNames:
    def test_names_are_normalised_and_each_is_kept_once(self, api):
        names = [
            "Straße",
            "STRASSE",
            " two \t words ",
            "\uff26\uff35\uff2c\uff2c",
            "\u212b",
            'A,"b',
            "x/y",
        ]
        note = make(api, tags=names)
        assert note["tags"] == ['a,"b', "full", "strasse", "two words", "x/y", "å"]
        assert Tag.objects.count() == 6

    def test_the_answer_is_the_same_whether_the_tag_was_there_or_not(self, api, bobs_api):
        first, second = make(api, tags=["Shared"]), make(bobs_api, tags=["shared", "own"])
        assert first["tags"] == ["shared"]
        assert second["tags"] == ["own", "shared"]
        assert Tag.objects.count() == 2

    def test_changing_tags_leaves_other_notes_alone(self, api, bobs_api):
        mine, theirs = make(api, tags=["a", "b"]), make(bobs_api, tags=["a", "b"])
        api.patch(url_of(mine), {"tags": ["c"]})
        assert bobs_api.get(url_of(theirs)).json() == theirs


@pytest.mark.django_db(transaction=True)
def test_many_at_once_with_the_same_new_tags(sign_in, ada):
    """No deadlock, no duplicate, and no link is lost."""
    api = sign_in(ada)
    api.get(NOTES)

    def write(number):
        try:
            tags = [f"tag {n}" for n in range(20)]
            response = api.post(NOTES, {"tags": tags if number % 2 else tags[::-1]})
            return response.status_code, len(response.json()["tags"])
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(write, range(40))) == {(201, 20)}
    assert Tag.objects.count() == 20
    assert NoteTag.objects.count() == 800


@pytest.mark.django_db(transaction=True)
def test_a_tag_that_goes_while_it_is_attached_is_made_again(sign_in, ada):
    api = sign_in(ada)
    make(api, tags=["a"])
    old = Tag.objects.get()

    with transaction.atomic():
        old.delete()
        answer = in_thread(lambda: api.post(NOTES, {"tags": ["a"]}).json()["tags"])
        wait_until_blocked()
    assert answer.result(10) == ["a"]
    assert Tag.objects.get().id != old.id
    assert NoteTag.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_tag_that_goes_while_a_note_that_has_it_is_changed_is_made_again(sign_in, ada):
    api = sign_in(ada)
    url = url_of(make(api, tags=["a"]))
    with transaction.atomic():
        Tag.objects.select_for_update().get()
        fields = {"title": "b", "tags": ["a", "b"]}
        answer = in_thread(lambda: api.patch(url, fields))
        wait_until_blocked()
        Tag.objects.filter(name="a").delete()
    assert answer.result(10).json()["tags"] == ["a", "b"]


def test_a_form_may_repeat_the_tags(api, ada):
    response = api.post(NOTES, "title=f&tags=a&tags=b, c", content_type=FORM)
    assert response.status_code == 201
    assert response.json()["tags"] == ["a", "b", "c"]


def test_the_instance_of_a_problem_is_an_address(api):
    """RFC 9457, 3.1.5: a URI reference, whatever signs a path had in it."""
    path = "/api/v1/tags/a%20%1F%22%C3%A9/"
    assert api.get(path).json()["instance"] == path
