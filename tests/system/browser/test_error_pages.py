"""The pages of errors, the gateway's own and the services'."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def opened(page):
    """Opens what fails, and takes no offence at that."""

    def opened(path, status):
        assert page.goto(path).status == status
        page.wait_for_load_state("networkidle")
        page.faults[:] = [fault for fault in page.faults if f"status of {status}" not in fault]
        return page

    return opened


@pytest.mark.parametrize(
    ("path", "status"), [("/nope", 404), ("/admin/users/", 403), ("/admin/notes/", 403)]
)
def test_they_look_as_the_others(opened, assert_accessible, path, status):
    page = opened(path, status)
    page.emulate_media(color_scheme="dark")
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert colour == "rgb(22, 24, 28)"
    # Without it a browser asks for /favicon.ico.
    expect(page.locator('link[rel="icon"]')).to_have_attribute("href", "data:,")
    expect(page.get_by_role("link", name="To the front page")).to_be_visible()
    assert_accessible(page)


def test_that_of_the_front_page_leads_to_it_again(stack, opened):
    stack.users.stop()
    try:
        page = opened("/?q=1", 502)
    finally:
        stack.users.start()
        stack.users.wait_ready()
    page.get_by_role("link", name="Try again").click()
    expect(page.get_by_role("heading", name="Notes", exact=True)).to_be_visible()
