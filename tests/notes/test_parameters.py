"""A request with a parameter that its address does not have does nothing."""

import pytest

from tests.notes.test_database import sql
from tests.notes.test_lists import TAGS
from tests.notes.test_notes import NOTES, errors_of, make, url_of

pytestmark = pytest.mark.django_db
TRASH = "/api/v1/trash/"
ROWS = "SELECT version, title, deleted_at FROM notes ORDER BY id"


@pytest.fixture
def places(api):
    note, trashed = make(api, title="a", tags=["t"]), make(api, title="b")
    api.patch(url_of(note), {"title": "c"})
    api.delete(url_of(trashed))
    return {"note": url_of(note), "trashed": f"{TRASH}{trashed['id']}/"}


@pytest.mark.parametrize("query", ["dry_run=true", "colour=red", "limit=1", "format="])
@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("post", NOTES, {"limit", "format"}),
        ("get", "{note}", {"format"}),
        ("put", "{note}", {"format"}),
        ("patch", "{note}", {"format"}),
        ("delete", "{note}", {"format"}),
        ("post", "{note}archive/", {"format"}),
        ("post", "{note}unarchive/", {"format"}),
        ("post", f"{NOTES}bulk/", {"format"}),
        ("get", "{note}versions/", {"limit", "format"}),
        ("get", "{note}versions/1/", {"format"}),
        ("post", "{note}versions/1/restore/", {"format"}),
        ("get", TRASH, {"limit", "format"}),
        ("delete", TRASH, {"format"}),
        ("get", "{trashed}", {"format"}),
        ("post", "{trashed}restore/", {"format"}),
        ("delete", "{trashed}", {"format"}),
        ("get", TAGS, {"limit", "format"}),
        ("get", f"{TAGS}t/", {"dry_run", "format"}),
        ("patch", f"{TAGS}t/", {"dry_run", "format"}),
        ("delete", f"{TAGS}t/", {"dry_run", "format"}),
    ],
)
def test_only_known_parameters_are_taken(api, places, method, path, known, query):
    body = {"title": "x"}
    if path.endswith("bulk/"):
        body = {"operations": [{"op": "create"}]}
    elif path.startswith(TAGS):
        body = {"name": "other"}
    # What a test's client is given for a GET goes into the address.
    body = None if method == "get" else body
    before, name = sql(ROWS), query.split("=")[0]
    response = getattr(api, method)(f"{path.format(**places)}?{query}", body)
    if name in known:
        assert response.status_code < 300, response.content
    else:
        assert errors_of(response) == {(name, "unknown")}
        assert sql(ROWS) == before


def test_the_trash_is_emptied_from_each_of_its_pages(api, places):
    for _ in range(2):
        api.delete(url_of(make(api, title="d")))
    link = api.get(TRASH, {"limit": 1}).json()["next"]
    query = link.partition("?")[2]
    cursor = next(each for each in query.split("&") if each.startswith("cursor="))
    assert api.delete(f"{TRASH}?{cursor}").status_code == 204
    assert api.get(TRASH).json()["results"] == []
