"""What the pages of the browsable API say besides the answer: links, headers, what was wrong."""

import re

import pytest

from tests.notes.test_browsable import Forms, page_of, script_token, submit
from tests.notes.test_lists import TAGS
from tests.notes.test_notes import NOTES, make, url_of

pytestmark = pytest.mark.django_db
TRASH = "/api/v1/trash/"
XSS = "</textarea><script>alert(1)</script><img src=x onerror=alert(2)>"


def if_match(page):
    """The field of the form that is sent as this header."""
    return re.search(r'<input id="form-PUT-If-Match" data-header="If-Match" value="([^"]*)"', page)[
        1
    ].replace("&quot;", '"')


def links(page):
    return re.findall(r'<a href="([^"]*)"', page)


def test_pages_link_what_belongs_together(browser, api):
    note = make(api, title="Plan", tags=["red", "a/b?"])
    api.patch(url_of(note), {"content": "two"})
    trashed = make(api)
    api.delete(url_of(trashed))
    versions = f"{url_of(note)}versions/"
    for page, wanted in (
        (NOTES, [url_of(note), f"{NOTES}bulk/", f"{NOTES}import/", TRASH, TAGS, "/api/v1/"]),
        (url_of(note), [versions, f"{TAGS}red/", f"{TAGS}a%2Fb%3F/"]),
        (versions, [f"{versions}1/", url_of(note)]),
        (f"{versions}1/", [versions, url_of(note)]),
        (TAGS, [f"{TAGS}red/", f"{TAGS}a%2Fb%3F/"]),
        (f"{TAGS}red/", [f"{NOTES}?archived=any&amp;tag=red"]),
        (TRASH, [f"{TRASH}{trashed['id']}/"]),
    ):
        assert set(wanted) <= set(links(page_of(browser.get(page)))), page
    page_of(browser.get(f"{TAGS}a%2Fb%3F/"))


def test_a_note_that_was_written_is_linked(browser):
    fields = Forms(page_of(browser.get(NOTES))).of("POST", "title")
    page = page_of(submit(browser, NOTES, fields | {"title": "Plan"}), 201)
    address = next(link for link in links(page) if re.fullmatch(f"{NOTES}[0-9a-f-]{{36}}/", link))
    assert "Plan" in page_of(browser.get(address))


def test_the_form_of_a_note_carries_the_state_that_it_shows(browser, api):
    note = make(api, title="Plan", content="one")
    address = url_of(note)
    page = page_of(browser.get(address))
    before = if_match(page)
    assert before == api.get(address)["ETag"]
    api.patch(address, {"content": "of another tab"})

    headers = {"x-csrftoken": script_token(page), "if-match": before}
    typed = {"title": "Mine", "content": "typed here", "tags": "x, y"}
    refused = browser.put(address, typed, format="multipart", headers=headers)
    page = page_of(refused, 412)
    assert "412 Precondition Failed" in page
    assert api.get(address).json()["content"] == "of another tab"
    # What was typed is there, and sent again it is refused again.
    assert Forms(page).of("PUT", "title") == typed
    assert if_match(page) == before

    headers["if-match"] = api.get(address)["ETag"]
    page = page_of(browser.put(address, typed, format="multipart", headers=headers))
    assert api.get(address).json()["content"] == "typed here"
    assert if_match(page) == api.get(address)["ETag"]


def test_what_is_wrong_is_said_in_words_and_at_the_field(browser, api):
    page = page_of(submit(browser, NOTES, {**_form(browser), "title": "t" * 501}), 400)
    assert "<h2>400 Bad Request</h2>" in page
    detail = "Ensure this field has no more than 500 characters."
    assert f"<code>/title</code> {detail}" in page
    assert f'<p class="error">{detail}</p>' in page
    assert 'name="title" aria-describedby="about-title" aria-invalid="true"' in page
    assert "<code>limit</code> Give a number" in page_of(browser.get(f"{NOTES}?limit=x"), 400)


def _form(browser):
    return Forms(page_of(browser.get(NOTES))).of("POST", "title")


def test_a_refused_header_leaves_the_form_as_it_was(browser, api):
    address = url_of(make(api))
    headers = {"x-csrftoken": script_token(page_of(browser.get(address))), "if-match": "no tag"}
    typed = {"title": "Mine", "content": "typed here", "tags": "x"}
    page = page_of(browser.put(address, typed, format="multipart", headers=headers), 400)
    assert Forms(page).of("PUT", "title") == typed
    assert "<code>If-Match</code>" in page


def test_what_has_no_body_is_refused_on_a_page_too(browser, api):
    address = url_of(make(api))
    headers = {"x-csrftoken": script_token(page_of(browser.get(address)))}
    page_of(browser.delete(address, headers={**headers, "if-match": '"old"'}), 412)
    for send, path in ((browser.post, NOTES), (browser.put, address), (browser.patch, address)):
        page_of(send(path, b"", content_type="application/json", headers=headers), 400)


@pytest.mark.parametrize("path", ["bulk/", "import/", "{id}/archive/", "{id}/unarchive/"])
def test_what_takes_no_get_is_a_page_for_a_browser_alone(browser, api, path):
    path = f"{NOTES}{path.format(**make(api))}"
    page = page_of(browser.get(path))
    assert any(method == "POST" and where == path for method, where, _ in Forms(page).found)
    assert api.get(path).status_code == 405


def test_raw_forms_offer_no_parts_to_type(browser, api):
    page = page_of(browser.get(url_of(make(api))))
    assert '<option value="application/json"' in page
    assert '<option value="multipart/form-data"' not in page
    # Each field has its label.
    ids = re.findall(r'<(?:input|textarea|select)[^>]* id="([^"]*)"', page)
    assert sorted(ids) == sorted(set(ids) & set(re.findall(r'<label for="([^"]*)"', page)))


def test_text_is_inert_wherever_it_stands(browser, api, issuer, ada):
    note = make(api, title=XSS, content=XSS, tags=[XSS.replace("/", "")])
    api.patch(url_of(note), {"content": "b"})
    gone = make(api, title=XSS, content=XSS)
    api.delete(url_of(gone))
    (tag,) = api.get(TAGS).json()["results"]
    ada.username = XSS
    browser.cookies["access_token"] = issuer.token(ada, uv=2)
    pages = [NOTES, url_of(note), f"{url_of(note)}versions/", f"{url_of(note)}versions/1/", TAGS]
    pages += [TRASH, f"{TRASH}{gone['id']}/", f"{TAGS}{tag['name']}/"]
    pages += [f"{NOTES}?q={XSS}", f"{NOTES}?tag={XSS}", f"{NOTES}?limit={XSS}", f"{TAGS}?{XSS}=1"]
    for path in pages:
        page = browser.get(path).content.decode()
        assert "<h1>" in page, path
        assert "alert(" in page
        assert "<script>alert" not in page
        assert "<img" not in page


def test_query_counts_of_pages_without_lists(browser, api, django_assert_num_queries):
    note = make(api, title="0", tags=["a"])
    for number in range(5):
        make(api, tags=["a", str(number)])
    paths = [f"{NOTES}bulk/", f"{NOTES}import/", f"{url_of(note)}archive/"]
    for path in paths:
        with django_assert_num_queries(1):  # user
            page_of(browser.get(path))
