"""Entity tags and conditions (RFC 9110, section 13), merge patches (RFC 7396)."""

import json

import pytest

from notes.models import Tag
from tests.notes.test_notes import NOTES, assert_not_found, errors_of, make, url_of
from tests.threads import at_once

pytestmark = pytest.mark.django_db
NO_LIST = ["", "x", '"x', 'W/"x', "*, *", '*, "x"', '"a" "b"', 'w/"x"', '"a\x7f"', ",", "'x'"]
DOCUMENT = {"type": "doc", "version": 1, "blocks": [{"type": "divider"}]}
QUOTE = {"type": "quote", "text": [{"text": "q"}]}
WRITES = {
    "put": lambda api, url, **headers: api.put(url, {"title": "b"}, headers=headers),
    "patch": lambda api, url, **headers: api.patch(url, {"title": "b"}, headers=headers),
    "delete": lambda api, url, **headers: api.delete(url, headers=headers),
    "archive": lambda api, url, **headers: api.post(f"{url}archive/", headers=headers),
    "unarchive": lambda api, url, **headers: api.post(f"{url}unarchive/", headers=headers),
}
every_write = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


def tag_of(api, note):
    return api.get(url_of(note))["ETag"]


class TestEntityTag:
    def test_it_comes_with_every_answer_that_shows_a_note(self, api):
        created = api.post(NOTES, {"title": "a", "tags": ["x"]})
        url = url_of(created.json())
        assert created["ETag"] == api.get(url)["ETag"] == api.head(url)["ETag"]
        for write in (
            lambda: api.put(url, {"title": "b"}),
            lambda: api.patch(url, {"content": "c"}),
            lambda: api.post(f"{url}archive/"),
            lambda: api.post(f"{url}unarchive/"),
        ):
            answer = write()
            assert answer["ETag"] == api.get(url)["ETag"]
            assert answer["Cache-Control"] == "private, no-cache"

    def test_it_is_strong_and_of_the_state(self, api):
        note = make(api, title="a", tags=["x"])
        tags = [tag_of(api, note)]
        for write in (
            lambda: api.patch(url_of(note), {"title": "b"}),
            lambda: api.patch(url_of(note), {"title": "a"}),
            lambda: api.patch(url_of(note), {"tags": ["y"]}),
            lambda: api.post(f"{url_of(note)}archive/"),
            lambda: Tag.objects.filter(name="y").update(name="z"),
        ):
            write()
            tags.append(tag_of(api, note))
        assert len(set(tags)) == len(tags)
        assert all(tag[0] == tag[-1] == '"' for tag in tags)
        api.patch(url_of(note), {"title": "a"})
        assert tag_of(api, note) == tags[-1]

    def test_two_notes_alike_have_two_tags(self, api):
        assert tag_of(api, make(api)) != tag_of(api, make(api))

    def test_a_page_and_a_list_have_none(self, api):
        note = make(api)
        assert "ETag" not in api.get(NOTES)
        page = api.get(url_of(note), headers={"accept": "text/html", "if-none-match": "*"})
        assert (page.status_code, "ETag" in page) == (200, False)


class TestNotModified:
    @pytest.mark.parametrize("form", ["{}", "W/{}", '"x", {}', '"x",W/"y" ,, {} ,', "*", " * "])
    def test_who_has_it_gets_304_without_a_body(self, api, form):
        note = make(api)
        tag = tag_of(api, note)
        for method in (api.get, api.head):
            answer = method(url_of(note), headers={"if-none-match": form.format(tag)})
            assert (answer.status_code, answer.content) == (304, b"")
            assert (answer["ETag"], answer["Cache-Control"]) == (tag, "private, no-cache")

    def test_who_has_another_state_gets_the_note(self, api):
        note = make(api, title="a")
        tag = tag_of(api, note)
        api.patch(url_of(note), {"title": "b"})
        answer = api.get(url_of(note), headers={"if-none-match": f'{tag}, "", "x"'})
        assert (answer.status_code, answer.json()["title"]) == (200, "b")

    @pytest.mark.parametrize("text", NO_LIST)
    @pytest.mark.parametrize("header", ["If-Match", "If-None-Match"])
    def test_what_is_no_list_of_tags_is_a_400(self, api, header, text):
        answer = api.get(url_of(make(api)), headers={header: text})
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert (error["header"], error["code"]) == (header, "invalid")

    def test_it_takes_no_query_more(self, api, django_assert_num_queries):
        note = make(api, tags=["a"])
        with django_assert_num_queries(2):  # user, note
            api.get(url_of(note), headers={"if-none-match": "*"})


class TestLostUpdate:
    @every_write
    def test_the_state_that_was_read_is_written(self, api, write):
        note = make(api, title="a")
        tag = tag_of(api, note)
        answer = write(api, url_of(note), **{"if-match": f'"x", {tag}'})
        assert answer.status_code in (200, 204)
        assert write(api, url_of(make(api)), **{"if-match": "*"}).status_code in (200, 204)

    @every_write
    @pytest.mark.parametrize("form", ['"x"', "W/{}", '"x", W/{}', '""'])
    def test_any_other_is_a_412_and_nothing_is_written(self, api, write, form):
        note = make(api, title="a", tags=["x"])
        header = form.format(tag_of(api, note))
        answer = write(api, url_of(note), **{"if-match": header})
        assert answer.status_code == 412
        assert answer["Content-Type"] == "application/problem+json"
        assert api.get(url_of(note)).json() == note
        assert api.get(url_of(note), headers={"if-match": header}).status_code == 412

    @every_write
    def test_none_match_says_the_opposite(self, api, write):
        note = make(api, title="a")
        tag = tag_of(api, note)
        for header in (tag, f"W/{tag}", "*"):
            assert write(api, url_of(note), **{"if-none-match": header}).status_code == 412
        assert api.get(url_of(note)).json() == note
        assert write(api, url_of(note), **{"if-none-match": '"x"'}).status_code in (200, 204)

    @every_write
    def test_what_is_no_list_is_a_400_and_nothing_is_written(self, api, write):
        note = make(api, title="a")
        answer = write(api, url_of(note), **{"if-match": "x"})
        assert (answer.status_code, answer.json()["errors"][0]["header"]) == (400, "If-Match")
        assert api.get(url_of(note)).json() == note

    @every_write
    def test_a_note_that_is_not_there_is_a_404_first(self, api, bobs_api, write):
        note = make(bobs_api)
        assert_not_found(write(api, url_of(note), **{"if-match": tag_of(bobs_api, note)}))

    def test_of_writers_at_once_one_wins_each_round(self, transactional_db, sign_in, ada):
        writers, rounds = 8, 5
        clients = [sign_in(ada) for _ in range(writers)]
        note = make(clients[0], title="start", tags=["t"])
        url = url_of(note)
        for turn in range(rounds):
            tag = clients[0].get(url)["ETag"]

            def write(number, turn=turn, tag=tag):
                new = f"{turn} by {number}"
                # Every second one changes the tags alone.
                fields = {"title": new} if number % 2 else {"tags": [new]}
                return clients[number].patch(url, fields, headers={"if-match": tag})

            answers = at_once(write, writers)
            assert sorted(answer.status_code for answer in answers) == [200] + [412] * (writers - 1)
            (won,) = [answer for answer in answers if answer.status_code == 200]
            assert clients[0].get(url).json() == won.json()


class TestMergePatch:
    @pytest.mark.parametrize("kind", ["application/json", "application/merge-patch+json"])
    @pytest.mark.parametrize(
        ("patch", "changed"),
        [
            ({}, {}),
            ({"title": "d"}, {"title": "d"}),
            ({"title": None}, {"title": "Untitled"}),
            ({"content": None}, {"content": None}),
            ({"tags": None}, {"tags": []}),
            ({"tags": ["d"], "content": ""}, {"tags": ["d"], "content": ""}),
        ],
    )
    def test_null_sets_the_default(self, api, kind, patch, changed):
        note = make(api, title="a", content="b", tags=["c"])
        answer = api.patch(url_of(note), json.dumps(patch), content_type=kind)
        assert answer.status_code == 200, answer.content
        assert answer.json() == {**note, **changed, "updated_at": answer.json()["updated_at"]}

    @pytest.mark.parametrize(
        ("patch", "error"),
        [
            ({"colour": None}, ("/colour", "unknown")),
            ({"id": None}, ("/id", "read_only")),
            ({"is_archived": None}, ("/is_archived", "read_only")),
            ({"tags": {"0": "a"}}, ("/tags", "not_a_list")),
            ({"tags": [None]}, ("/tags/0", "null")),
            ([], ("", "invalid")),
            (None, ("", "null")),
        ],
    )
    def test_what_cannot_be_set_is_refused(self, api, patch, error):
        note = make(api, title="a")
        kind = "application/merge-patch+json"
        answer = api.patch(url_of(note), json.dumps(patch), content_type=kind)
        assert errors_of(answer) == {error}
        assert api.get(url_of(note)).json() == note

    @pytest.mark.parametrize(
        ("content", "patch", "merged"),
        [
            (DOCUMENT, {"blocks": [QUOTE]}, {**DOCUMENT, "blocks": [QUOTE]}),
            (DOCUMENT, {}, DOCUMENT),
            (DOCUMENT, {"colour": None}, DOCUMENT),
            (DOCUMENT, {**DOCUMENT, "blocks": []}, {**DOCUMENT, "blocks": []}),
            ("text", DOCUMENT, DOCUMENT),
            (None, DOCUMENT, DOCUMENT),
            (DOCUMENT, "text", "text"),
        ],
    )
    def test_an_object_is_merged_into_the_document(self, api, content, patch, merged):
        note = make(api, title="a", content=content)
        changed = api.patch(url_of(note), {"content": patch}).json()
        assert changed["content"] == merged
        assert changed["content_format"] == ("text" if merged == "text" else "blocks")
        assert (changed["updated_at"] == note["updated_at"]) is (merged == content)
        again = make(api, title="a", content=content)
        operation = {"op": "change", "id": again["id"], "content": patch}
        (result,) = api.post(f"{NOTES}bulk/", {"operations": [operation]}).json()["results"]
        assert result["body"]["content"] == merged

    @pytest.mark.parametrize(
        ("content", "patch", "pointer"),
        [
            (DOCUMENT, {"blocks": None}, "/content/blocks"),
            (DOCUMENT, {"colour": 1}, "/content/colour"),
            (DOCUMENT, {"blocks": [QUOTE, {"type": "x"}]}, "/content/blocks/1/type"),
            (DOCUMENT, {"blocks": [{**QUOTE, "text": "\0"}]}, "/content/blocks/0/text"),
            ("text", {"blocks": []}, "/content/type"),
        ],
    )
    def test_a_document_that_is_none_is_refused_by_place(self, api, content, patch, pointer):
        note = make(api, title="a", content=content)
        answer = api.patch(url_of(note), {"title": "b", "content": patch})
        assert pointer in {place for place, _ in errors_of(answer, 422)}
        operation = {"op": "change", "id": note["id"], "content": patch}
        (result,) = api.post(f"{NOTES}bulk/", {"operations": [operation]}).json()["results"]
        assert result["status"] == 422
        places = {error["pointer"] for error in result["problem"]["errors"]}
        assert f"/operations/0{pointer}" in places
        assert api.get(url_of(note)).json() == note

    @pytest.mark.parametrize("method", ["put", "post"])
    def test_it_is_for_patch_alone(self, api, method):
        note = make(api)
        url = NOTES if method == "post" else url_of(note)
        answer = getattr(api, method)(url, "{}", content_type="application/merge-patch+json")
        assert answer.status_code == 415

    def test_the_address_says_what_it_takes(self, api):
        note = make(api)
        for answer in (api.options(url_of(note)), api.patch(url_of(note), "", content_type="a/b")):
            kinds = "application/merge-patch+json, application/json"
            assert answer["Accept-Patch"] == kinds
        assert "Accept-Patch" not in api.options(NOTES)
