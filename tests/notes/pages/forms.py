"""The forms of the pages, as a browser without scripts sends them."""

from urllib.parse import urlencode

from tests.notes.test_browsable import Forms, page_of
from tests.notes.test_notes import FORM

PAGES = "/notes/"
XSS = "</textarea><script>alert(1)</script>\"'><img src=x onerror=alert(1)>"


def send(browser, path, fields, **headers):
    """As a browser sends a form."""
    if "file" in fields:
        return browser.post(path, fields, format="multipart", headers=headers)
    return browser.post(path, urlencode(fields), content_type=FORM, headers=headers)


def post(browser, page, path, **fields):
    """Fills in the form of the page that goes to this address, and sends it."""
    (form,) = [form for method, to, form in Forms(page).found if (method, to) == ("POST", path)]
    return send(browser, path, {**form, **fields})


def follow(browser, response):
    assert response.status_code == 302, response.content
    return page_of(browser.get(response["Location"]))


def note_path(note):
    return f"{PAGES}{note['id']}/"


def write(browser, **fields):
    response = post(browser, page_of(browser.get(f"{PAGES}new/")), f"{PAGES}new/", **fields)
    return response["Location"], follow(browser, response)
