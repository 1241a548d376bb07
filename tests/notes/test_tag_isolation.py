"""Which tags others use is in no answer: all is answered as in a world without them."""

import re

import pytest

from notes.models import Tag
from tests.notes.test_notes import NOTES, make, url_of

pytestmark = pytest.mark.django_db
TAGS = "/api/v1/tags/"
SECRETS = ("secret", "a secret", "zz secret", "x/y", "ä" * 100)
# Made anew each time: ids, times, and what is signed.
VARYING = re.compile(
    rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    rb"|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
    rb"|cursor=[^\"&>]+|\\\"[0-9a-f]{32}\\\""
)
# RateLimit counts the own requests before.
MADE_ANEW = {"ETag", "X-Request-ID", "RateLimit"}


def nobody(bobs_api):
    """No other tag was ever there."""


def living(bobs_api):
    for name in SECRETS:
        make(bobs_api, tags=[name, "own", "other"])


def archived(bobs_api):
    for name in SECRETS:
        bobs_api.post(f"{url_of(make(bobs_api, tags=[name, 'own']))}archive/")


def trashed(bobs_api):
    for name in SECRETS:
        bobs_api.delete(url_of(make(bobs_api, tags=[name, "own"])))


def orphans(bobs_api):
    Tag.objects.bulk_create(Tag(name=name) for name in SECRETS)


def requests(secret):
    """All that takes a tag's name, and what shows names, before and after it."""
    tag = f"{TAGS}{secret}/"
    yield "get", TAGS
    for query in (f"prefix={secret[:1]}", f"prefix={secret}", "limit=1", "prefix=own"):
        yield "get", f"{TAGS}?{query}"
    for method in ("get", "head", "options", "delete"):
        yield method, tag
    for name in ("own", "fresh", secret, "."):
        yield "patch", tag, {"name": name}
    for query in ("dry_run=true", "dry_run=no"):
        yield "patch", f"{tag}?{query}", {"name": "own"}
        yield "delete", f"{tag}?{query}"
    for query in ("", "&tag=own", "&tag=own&tag_match=any", "&q=plan", "&tag=own&q=plan"):
        yield "get", f"{NOTES}?tag={secret}{query}&archived=any&order=title"
    yield "get", f"{NOTES}?q={secret}&order=title"
    yield "patch", f"{TAGS}own/?dry_run=true", {"name": secret}
    yield "post", NOTES, {"title": "New plan", "tags": [secret, "own"]}
    yield "post", f"{NOTES}bulk/", {"operations": [{"op": "create", "tags": [secret]}]}
    yield "get", TAGS
    yield "get", tag
    yield "patch", f"{TAGS}own/", {"name": secret}
    yield "get", f"{TAGS}own/"
    yield "get", f"{NOTES}?tag={secret}&order=title"
    yield "delete", tag
    yield "patch", f"{TAGS}mine/", {"name": secret}
    yield "patch", tag, {"name": "fresh"}
    yield "get", TAGS


def transcript(api, secret):
    """Status, headers and body of each answer."""
    answers = []
    for method, url, *body in requests(secret):
        answer = getattr(api, method)(url, *body)
        headers = {
            name: VARYING.sub(b"~", value.encode())
            for name, value in answer.items()
            if name not in MADE_ANEW
        }
        content = VARYING.sub(b"~", answer.content)
        answers.append((method, url, body, answer.status_code, headers, content))
    return answers


@pytest.mark.parametrize("secret", SECRETS, ids=range(len(SECRETS)))
@pytest.mark.parametrize("others", [living, archived, trashed, orphans])
def test_the_answers_are_those_of_a_world_without_others(api, bobs_api, others, secret):
    def ask(world):
        world(bobs_api)
        for title in ("Plan", "Second plan"):
            make(api, title=title, tags=["own", "mine"])
        found = transcript(api, secret)
        for note in api.get(NOTES).json()["results"]:
            api.delete(url_of(note))
        api.delete("/api/v1/trash/")
        return found

    alone = ask(nobody)
    assert {status for *_, status, _, _ in alone} == {200, 201, 400, 404}
    Tag.objects.all().delete()
    for among_others, by_oneself in zip(ask(others), alone, strict=True):
        assert among_others == by_oneself


def test_what_somebody_does_to_a_tag_leaves_those_of_others(api, bobs_api):
    notes = [make(bobs_api, tags=["shared", "own"]), make(bobs_api, tags=["shared"])]
    bobs_api.delete(url_of(notes[1]))

    def bobs():
        answers = [bobs_api.get(url_of(notes[0])), bobs_api.get(f"/api/v1/trash/{notes[1]['id']}/")]
        return [bobs_api.get(TAGS).json(), *((each.json(), each["ETag"]) for each in answers)]

    before = bobs()
    make(api, tags=["shared", "x"])
    assert api.patch(f"{TAGS}shared/", {"name": "own"}).json()["notes"] == 1
    assert api.patch(f"{TAGS}x/", {"name": "shared"}).json()["notes"] == 1
    assert api.delete(f"{TAGS}own/").json()["notes"] == 1
    assert api.delete(f"{TAGS}shared/").json()["notes"] == 1
    assert bobs() == before
    assert api.get(TAGS).json()["results"] == []
