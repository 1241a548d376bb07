from dataclasses import replace

import pytest
from django.contrib.admin import site
from django.db import connection
from django.test.utils import CaptureQueriesContext

from config.admin_lists import CappedPaginator
from notes.models import Tag
from tests.notes.test_notes import make
from tests.plans import explained, rows_read
from users.models import User

ADMIN = "/admin/notes/"
pytestmark = pytest.mark.django_db


def get(client, path, status=200):
    response = client.get(ADMIN + path)
    assert response.status_code == status, response.content
    return response.content.decode()


class TestPages:
    @pytest.mark.parametrize(
        "path",
        [
            "",
            "notes/",
            "notes/note/",
            "notes/note/add/",
            "notes/note/?q=plan",
            "notes/note/?q=%00",
            "notes/note/?q=7f3c0000-0000-4000-8000-000000000001",
            "notes/note/?q=7f3c0000-0000-4000-8000-000000000001%20plan",
            "notes/note/?is_archived__exact=1",
            "notes/note/?trash=yes",
            "notes/note/?updated_at__gte=2026-01-01%2000:00:00%2B00:00",
            "notes/tag/",
            "notes/tag/?q=a",
            "notes/tag/?used=no",
            "notes/tag/?used=yes",
            "notes/tag/add/",
            "users/user/",
            "users/user/?q=ada",
            "users/user/?q=7f3c0000-0000-4000-8000-000000000001",
            "users/user/?q=%00",
            "inbox/eventlog/",
            "inbox/eventlog/?q=ada",
            "inbox/deadletter/",
            "jsi18n/",
        ],
    )
    def test_it_opens(self, staff, api, path):
        make(api, title="Plan", tags=["a"])
        get(staff, path)

    def test_what_the_database_makes_is_not_on_a_page_that_adds(self, staff):
        paths = {f"{m._meta.app_label}/{m._meta.model_name}/add/" for m in site._registry}
        opened = {path: staff.get(ADMIN + path) for path in paths}
        added = [path for path, page in opened.items() if page.status_code == 200]
        assert sorted(added) == ["notes/note/add/", "notes/tag/add/"]
        for path in added:
            for page in (opened[path], staff.post(ADMIN + path, {})):
                assert "<form" in page.text
                assert "DatabaseDefault" not in page.text
                assert "object at 0x" not in page.text

    def test_the_pages_of_one(self, staff, api, ada):
        note = make(api, title="Plan", tags=["a"])
        for page in ("change", "history", "delete"):
            assert "Plan" in get(staff, f"notes/note/{note['id']}/{page}/")
        tag = Tag.objects.get()
        get(staff, f"notes/tag/{tag.id}/change/")
        assert "ada" in get(staff, f"users/user/{ada.id}/change/")

    def test_lists_make_no_query_per_row(self, staff, api, sign_in, ada):
        def count(path):
            with CaptureQueriesContext(
                connection,
            ) as queries:
                get(staff, path)
            return len(queries)

        paths = ("notes/note/", "notes/tag/", "users/user/", "")
        make(api, tags=["tag"])
        get(staff, "")  # Stores the shadow user and reads the content types.
        get(staff, "notes/note/")
        few = [count(path) for path in paths]
        for number in range(20):
            client = sign_in(replace(ada, id=User(username="x").id, username=f"user {number}"))
            make(client, tags=[f"tag {number}"])
        assert [count(path) for path in paths] == few

    @pytest.mark.parametrize(
        "path",
        ["notes/note/", "notes/tag/", "users/user/", "inbox/eventlog/", "inbox/deadletter/"],
    )
    def test_no_list_reads_a_whole_table(self, staff, api, path):
        make(api, tags=["a"])
        with CaptureQueriesContext(connection) as queries:
            get(staff, path)
            get(staff, f"{path}?_facets=True")
        asked = [query["sql"] for query in queries]
        counts = [sql for sql in asked if sql.startswith("SELECT COUNT(*)")]
        assert counts
        assert all("LIMIT 10000" in sql for sql in counts)
        assert not any("SELECT DISTINCT" in sql for sql in asked)
        # Asked to, Django would count what each filter lets through.
        assert not any(" FILTER (" in sql for sql in asked)

    @pytest.mark.parametrize(
        "path", ["logout/", "password_change/", "password_change/done/", "auth/group/"]
    )
    def test_what_users_project_keeps_is_not_here(self, staff, path):
        for send in (staff.get, staff.post):
            assert send(ADMIN + path).status_code == 404

    def test_signing_out_is_at_users_project(self, staff):
        staff.cookies["users_csrf"] = "u" * 32
        page = get(staff, "")
        assert 'action="/logout/"' in page
        assert "password_change" not in page


NO_ID = "x"


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("notes/note/", {"action": "archive", "_selected_action": NO_ID}),
        ("notes/note/", {"action": "delete_selected", "_selected_action": "\x00"}),
        ("notes/note/add/", {"tag_choice": NO_ID}),
        ("notes/note/add/", {"user": NO_ID}),
        ("notes/tag/", {"action": "merge", "_selected_action": "{tag}", "target": NO_ID}),
        ("notes/tag/", {"action": "merge", "_selected_action": NO_ID}),
        ("inbox/deadletter/", {"action": "replay", "_selected_action": NO_ID}),
    ],
)
def test_an_id_that_is_none_is_a_400(staff, api, path, fields):
    make(api, tags=["a"])
    tag = str(Tag.objects.get().pk)
    fields = {name: value.format(tag=tag) for name, value in fields.items()}
    response = staff.post(ADMIN + path, fields)
    assert (response.status_code, b"cannot be understood" in response.content) == (400, True)


def test_a_character_that_the_database_does_not_take_is_a_400(staff, api):
    query = "?app_label=notes&model_name=note&field_name=tags&term=%00"
    get(staff, f"autocomplete/{query}", 400)


def test_shadow_users_can_only_be_read(staff, ada, api):
    make(api)
    assert "Save" not in get(staff, f"users/user/{ada.id}/change/")
    for path in ("add/", f"{ada.id}/delete/"):
        assert staff.get(f"{ADMIN}users/user/{path}").status_code == 403
    fields = {"username": "mallory"}
    assert staff.post(f"{ADMIN}users/user/{ada.id}/change/", fields).status_code == 403
    assert User.objects.get(id=ada.id).username == "ada"


def test_a_page_of_shadow_users_reads_as_many_as_it_shows(staff, monkeypatch):
    monkeypatch.setattr(CappedPaginator, "CAP", 200)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO users (id, username)"
            " SELECT gen_random_uuid(), n FROM generate_series(1, 3000) AS n"
        )
        cursor.execute("ANALYZE users")
    with explained() as plans:
        assert get(staff, "users/user/").count("field-version") == 100
    # The page, the count, and who asks.
    assert sum(rows_read(plans, "users")) <= 100 + 200 + 5
    found = User.objects.get(username="7")
    with explained() as plans:
        assert "1 shadow user" in get(staff, f"users/user/?q={found.pk}")
    assert sum(rows_read(plans, "users")) <= 1 + 1 + 5
