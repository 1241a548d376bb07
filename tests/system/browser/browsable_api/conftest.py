import pytest

from tests.system.browser.browsable_api.steps import NOTES


@pytest.fixture
def page(window, sign_in, client):
    with window() as page:
        sign_in(page, client.user, NOTES)
        yield page
