"""Nobody learns from any answer, count, order or error which tags somebody else uses."""

from urllib.parse import quote

from tests.system.openapi import OPERATIONS
from tests.system.test_isolation import NOTES, TAGS, TRASH, seen


def use_tags(client, name):
    """All that somebody can do with a tag, one step after the other."""
    address = f"{TAGS}{quote(name, safe='')}/"
    first, second = (
        client.post(NOTES, json={"title": "Mine", "content": name, "tags": [name]}).json()["id"]
        for _ in range(2)
    )
    yield "two notes have it"
    client.patch(f"{NOTES}{first}/", json={"tags": [name, f"{name} 2"]})
    yield "one has another beside it"
    assert client.patch(address, json={"name": f"{name} 3"}).status_code == 200
    yield "it is renamed"
    renamed = f"{TAGS}{quote(f'{name} 3', safe='')}/"
    assert client.patch(renamed, json={"name": f"{name} 2"}).status_code == 200
    yield "it is merged into the other"
    client.post(f"{NOTES}{first}/archive/")
    yield "a note of it is archived"
    client.delete(f"{NOTES}{first}/")
    yield "a note of it is thrown away"
    merged = f"{TAGS}{quote(f'{name} 2', safe='')}/"
    assert client.delete(merged).status_code in (200, 204)
    yield "it is taken off all notes"
    client.delete(TRASH)
    client.delete(f"{NOTES}{second}/")
    client.delete(TRASH)
    yield "nobody has it"


# Of one's own names: the same, one with the same beginning, one that differs in case, none.
NAMES = ["work", "worker", "WORK", "wor", "rest"]


def test_nothing_changes_whatever_others_do_with_tags(api):
    client = api.sign_in()
    for number, tags in enumerate([["work", "home"], ["work"], ["work 2", "zoo"], []]):
        client.post(NOTES, json={"title": str(number), "content": "work", "tags": tags})
    before = view(client)
    assert len(before) > 40
    for step, *_ in zip(*(use_tags(api.sign_in(), name) for name in NAMES), strict=True):
        assert view(client) == before, step


def view(client):
    """All that can be asked for without a change: each list and thing, and what is refused."""
    asked = [{}, {"limit": "1"}, {"unknown": "1"}]
    of = {
        "prefix": ["w", "work", "worker", "r", "."],
        "tag": ["work", "WORK", "worker", "rest", ".."],
        "q": ["work", "rest"],
        "order": ["title", "-title", "created_at"],
    }
    seen_of = {}
    for operation in OPERATIONS:
        if operation.method != "GET" or "{" in operation.path:
            continue
        if operation.path == "/api/v1/users/me/export/":  # Each tells of those before it.
            continue
        known = {name: of[name] for name in of.keys() & operation.parameters("query")}
        options = [{name: value} for name, values in known.items() for value in values]
        for parameters in asked + options:
            answer = client.get(operation.path, params=parameters)
            seen_of[operation.path, str(parameters)] = seen(answer, [])
    for name in ("work", "WORK", "home", "worker", "work 2", "work 3", "rest"):
        answer = client.get(f"{TAGS}{quote(name)}/")
        seen_of[TAGS, name] = seen(answer, [])
    for note in client.get(NOTES).json()["results"]:
        path = f"{NOTES}{note['id']}/"
        seen_of[path, "read"] = seen(client.get(path), [])
        seen_of[path, "versions"] = seen(client.get(f"{path}versions/"), [])
    return seen_of
