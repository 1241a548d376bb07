"""Notes and tags through the gateway, as JSON."""

from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

import pytest
import requests

from tests.system.client import Api
from tests.system.problems import assert_problem

NOTES = "/api/v1/notes/"


@pytest.fixture(scope="module")
def person(stack):
    with Api(stack.gateway_url) as api, api.sign_in() as client:
        yield client


@pytest.fixture
def client(person, notes_sql):
    """Of one person for all tests: each of them leaves no note."""
    yield person
    notes_sql("DELETE FROM notes WHERE user_id = %s", [person.user.id])


def write(client, **note):
    answer = client.post(NOTES, json=note)
    assert answer.status_code == 201, answer.text
    return answer.json()


def listed(client, query=""):
    return [note["id"] for note in client.get(f"{NOTES}{query}").json()["results"]]


def test_a_note_from_writing_to_deletion(client):
    answer = client.post(NOTES, json={"title": "First", "content": "Hello.", "tags": ["B", "a"]})
    note = answer.json()
    path = f"{NOTES}{note['id']}/"
    assert answer.headers["Location"].endswith(path)
    assert (note["title"], note["content"], note["is_archived"]) == ("First", "Hello.", False)
    assert note["tags"] == ["a", "b"]
    assert client.get(path).json() == note

    changed = client.patch(path, json={"content": "Hello again."}).json()
    assert (changed["title"], changed["content"]) == ("First", "Hello again.")
    assert changed["tags"] == ["a", "b"]
    replaced = client.put(path, json={"tags": ["c"]}).json()
    assert (replaced["title"], replaced["content"]) == ("Untitled", None)
    assert replaced["tags"] == ["c"]

    assert client.post(f"{path}archive/").json()["is_archived"] is True
    assert listed(client) == []
    assert listed(client, "?archived=true") == [note["id"]]
    assert client.post(f"{path}unarchive/").json()["is_archived"] is False
    assert listed(client) == [note["id"]]

    deleted = client.delete(path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert_problem(client.get(path), 404)
    assert_problem(client.delete(path), 404)
    assert listed(client, "?archived=any") == []


def test_filters_by_tag(client):
    both = write(client, tags=["red", "blue"])["id"]
    red = write(client, tags=["red"])["id"]
    write(client)
    assert listed(client, "?tag=red") == [red, both]
    assert listed(client, "?tag=RED&tag=blue") == [both]
    assert listed(client, "?tag=red&tag=blue&tag_match=any") == [red, both]
    assert listed(client, "?tag=green") == []
    counts = client.get("/api/v1/tags/").json()["results"]
    assert counts == [{"name": "blue", "count": 1}, {"name": "red", "count": 2}]


def test_pages_lead_through_all_notes_and_back(client):
    written = [write(client, title=str(number))["id"] for number in range(5)]
    page = client.get(f"{NOTES}?limit=2")
    forward = [page]
    while page.json()["next"]:
        assert page.links["next"]["url"] == page.json()["next"]
        page = client.get(page.json()["next"])
        forward.append(page)
    ids = [[note["id"] for note in each.json()["results"]] for each in forward]
    assert [note for page_ids in ids for note in page_ids] == written[::-1]
    back = client.get(page.json()["previous"])
    assert [note["id"] for note in back.json()["results"]] == ids[-2]


def test_links_lead_through_the_gateway(api, client):
    for _ in range(2):
        write(client)
    assert client.get(f"{NOTES}?limit=1").json()["next"].startswith(f"{api.url}{NOTES}?")
    assert set(api.get("/api/v1/").json()["notes"].partition(NOTES)[:2]) == {api.url, NOTES}


def test_every_tag_has_an_address(client):
    names = ["a/b", "/a", "a/", "/", "a//b", "%", "%2f", "a%20b", "?", "#", "a?b#c", " a b ", "\\"]
    names += ["...", ".a/b.", "&=+;,", '"', "é💡", "api/v1/users", "x" * 100, "💡" * 100]
    write(client, tags=names)
    shown = [tag["name"] for tag in client.get("/api/v1/tags/?limit=100").json()["results"]]
    assert set(shown) == {name.strip() for name in names}
    for name in shown:
        answer = client.get(f"/api/v1/tags/{quote(name, safe='')}/")
        assert (answer.status_code, answer.json()["name"]) == (200, name)
    assert_problem(client.post(NOTES, json={"tags": [".."]}), 400)


def test_others_see_nothing_of_notes_and_tags(api, client):
    note = write(client, title="Mine", tags=["mine alone"])
    other = api.sign_in()
    path = f"{NOTES}{note['id']}/"
    assert_problem(other.get(path), 404)
    assert_problem(other.patch(path, json={"title": "Theirs"}), 404)
    assert_problem(other.delete(path), 404)
    assert_problem(other.post(f"{path}archive/"), 404)
    assert_problem(other.get("/api/v1/tags/mine%20alone/"), 404)
    assert other.get("/api/v1/tags/").json()["results"] == []
    assert listed(other, "?archived=any") == []
    assert client.get(path).json() == note


def test_content_is_kept_to_the_letter(client):
    content = ' \ttext\r\n\n{"a": 1}\u2028 <b>&amp;</b> \U0001f600 e\u0301 '
    note = write(client, content=content)
    assert client.get(f"{NOTES}{note['id']}/").json()["content"] == content


def test_nobody_reads_or_writes_notes(api):
    for answer in (api.get(NOTES), api.post(NOTES, json={})):
        assert_problem(answer, 401)
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_tag_that_came_through_the_gateway_is_good_for_if_match(client):
    """Also of a long note, which the gateway would compress and whose tag it would make weak."""
    note = write(client, title="Long", content="a" * 10_000)
    path = f"{NOTES}{note['id']}/"
    read = client.get(path, headers={"Accept-Encoding": "gzip"})
    tag = read.headers["ETag"]
    assert tag.startswith('"')
    assert client.get(path, headers={"If-None-Match": tag}).status_code == 304
    changed = client.patch(path, json={"title": "Longer"}, headers={"If-Match": tag})
    assert changed.status_code == 200
    assert_problem(client.patch(path, json={"title": "x"}, headers={"If-Match": tag}), 412)
    assert client.get(path, headers={"If-None-Match": tag}).json()["title"] == "Longer"
    # Lists are compressed as before.
    listing = client.get(f"{NOTES}?limit=100", headers={"Accept-Encoding": "gzip"})
    assert "ETag" not in listing.headers


def test_what_is_sent_again_with_its_key_is_done_once(client):
    headers = {"Idempotency-Key": "5f0c"}
    with ThreadPoolExecutor(50) as pool:
        sending = [
            pool.submit(client.post, NOTES, json={"title": "Once"}, headers=headers)
            for _ in range(50)
        ]
        answers = [each.result() for each in sending]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.content for answer in answers}) == 1
    assert len(listed(client)) == 1
    assert_problem(client.post(NOTES, json={"title": "Twice"}, headers=headers), 422)


def test_a_web_server_that_is_killed_makes_no_note_twice(stack, client, notes_sql, wait_until):
    """Each request is sent again with its key until it is answered, as a client does."""
    written = {}

    def write_once(number):
        headers = {"Idempotency-Key": f"killed-{number}"}

        def answered():
            try:
                answer = client.post(NOTES, json={"title": str(number)}, headers=headers)
            except requests.RequestException:
                return False  # cut off: perhaps the note is there, perhaps not
            # 409 where an attempt before is still at work.
            assert answer.status_code in (201, 409, 502, 503, 504), answer.text
            if answer.status_code == 201:
                written[number] = answer.json()["id"]
            return number in written

        wait_until(answered)

    with ThreadPoolExecutor(8) as pool:
        writing = [pool.submit(write_once, number) for number in range(150)]
        for done in (20, 60, 100):
            wait_until(lambda done=done: len(written) >= done)
            stack.notes.kill()
            stack.notes.start()
            stack.notes.wait_ready()
        for each in writing:
            each.result()
    rows = notes_sql("SELECT id FROM notes WHERE user_id = %s", [client.user.id])
    assert sorted(str(note) for (note,) in rows) == sorted(written.values())


def test_history_and_trash(client):
    note = write(client, title="First", tags=["a"])
    path, trashed = f"{NOTES}{note['id']}/", f"/api/v1/trash/{note['id']}/"
    client.put(path, json={"title": "Second"})
    (version,) = client.get(f"{path}versions/").json()["results"]
    restored = client.post(f"{path}versions/{version['number']}/restore/").json()
    assert (restored["title"], restored["tags"]) == ("First", ["a"])
    client.delete(path)
    assert_problem(client.get(f"{path}versions/"), 404)
    assert client.get(trashed).json()["title"] == "First"
    assert client.post(f"{trashed}restore/").status_code == 200
    assert listed(client) == [note["id"]]
    client.delete(path)
    assert client.delete("/api/v1/trash/").status_code == 204
    assert_problem(client.post(f"{trashed}restore/"), 404)


def test_several_at_once(client):
    operations = [{"op": "create", "title": "One"}, {"op": "create", "title": ""}]
    answer = client.post(f"{NOTES}bulk/", json={"operations": operations})
    assert [result["status"] for result in answer.json()["results"]] == [201, 400]
    assert len(listed(client)) == 1


def test_the_longest_links_pass_the_gateway(client):
    tags = [f"{number}{'語' * 99}" for number in range(4)]
    for _ in range(3):
        write(client, title="\1" * 500, tags=tags)
    asked = {"tag": [*tags, *[""] * 50], "order": "title", "limit": 1, "archived": "any"}
    pages = [client.get(NOTES, params=asked)]
    while url := pages[-1].json()["next"]:
        assert url == pages[-1].links["next"]["url"]
        pages.append(client.get(url))
    assert [len(page.json()["results"]) for page in pages] == [1, 1, 1]
    assert len(pages[1].headers["Link"]) > 2 * 8_000
    refused = client.get(NOTES, params={**asked, "tag": [*tags, "語" * 99]})
    assert "tag" in str(assert_problem(refused, 400, NOTES)["errors"])
