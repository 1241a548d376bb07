"""The system's Chromium, without a screen, in front of the stack that `tests/system` starts."""

from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.base import AXE_SCRIPT, AxeResults
from playwright.sync_api import expect, sync_playwright

from docs.screenshots import find_chromium

# A slow machine is no failure.
expect.set_options(timeout=60_000)

WCAG = {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]}
# Those that look at colours: what the others find is the same in both themes.
WCAG_COLOURS = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
# All that can be pressed or filled in; Tab comes to one radio button of several.
STOPS = (
    "a[href], button, summary, select, textarea, [tabindex='0'],"
    " input:not([type=hidden], [type=radio])"
)
FIND_STOPS = """(selector) => {
  window.unseen = new Set([...document.querySelectorAll(selector)].filter(
    (each) => each.checkVisibility({ visibilityProperty: true }) && !each.disabled));
  return unseen.size;
}"""
SEE_STOP = """() => {
  const at = document.activeElement;
  const { outlineStyle, boxShadow } = getComputedStyle(at);
  unseen.delete(at);
  return {
    shown: at === document.body || outlineStyle !== "none" || boxShadow !== "none",
    at: at.outerHTML.slice(0, 200),
    left: [...unseen].map((each) => each.outerHTML.slice(0, 200)),
  };
}"""


@pytest.fixture(scope="session")
def chromium():
    program = find_chromium()
    assert program, "These tests need Chromium: on Debian, apt install chromium-headless-shell."
    with sync_playwright() as playwright:
        # In a container root has no sandbox.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def window(chromium, stack):
    """`with window() as page`: of a browser that nobody has used. What it says on its console, what
    it asks, which requests fail and which pages have no policy is an error, but what the test takes
    out of `page.faults`."""

    @contextmanager
    def window(**options):
        options = {"base_url": stack.gateway_url, "locale": "en-GB", **options}
        with chromium.new_context(**options) as context:
            faults = []

            def fail(request):
                # What a page had asked for when it was left is nothing that failed.
                if request.failure != "net::ERR_ABORTED":
                    faults.append(request.url)

            def require_policy(response):
                policy = response.headers.get("content-security-policy", "")
                is_page = response.request.resource_type == "document"
                if is_page and "default-src 'none'" not in policy:
                    faults.append(f"{response.url} comes without a policy")

            def note(message):
                # Whoever is quicker than the page keeps the focus.
                if not message.text.startswith("Autofocus processing was blocked"):
                    faults.append(message.text)

            context.on("response", require_policy)
            context.on("console", note)
            context.on("dialog", lambda dialog: (faults.append(dialog.message), dialog.dismiss()))
            context.on("weberror", lambda error: faults.append(str(error.error)))
            context.on("requestfailed", fail)
            page = context.new_page()
            page.faults = faults
            yield page
            assert faults == []

    return window


@pytest.fixture
def sign_in():
    """Signs a user in on the page that asks for it, and waits for the one that was asked for."""

    def sign_in(page, user, path):
        page.goto(path)
        page.get_by_label("Username").fill(user.username)
        page.get_by_label("Password").fill(user.password)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url(lambda url: urlsplit(url).path == path)

    return sign_in


@pytest.fixture
def client(api):
    """A new user, over the API."""
    return api.sign_in()


@pytest.fixture
def page(window, sign_in, client):
    """The same user's window, with their notes in it."""
    with window() as page:
        sign_in(page, client.user, "/notes/")
        yield page


@pytest.fixture
def assert_accessible():
    """That axe finds nothing on the page against WCAG 2.2 AA, light and dark."""

    def check(page):
        page.evaluate(AXE_SCRIPT)
        for scheme, rules in (("light", WCAG), ("dark", WCAG_COLOURS)):
            # Without motion: a colour on its way to another one is neither.
            page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
            # What passed is not described. What axe would load are sound and video.
            options = {"runOnly": rules, "resultTypes": ["violations"], "preload": False}
            found = AxeResults(page.evaluate("options => axe.run(options)", options))
            assert found.violations_count == 0, (page.url, scheme, found.generate_report())

    return check


@pytest.fixture
def assert_all_by_tab():
    """That Tab comes to all that can be used on the page, and that one sees where it is."""

    def check(page):
        stops = page.evaluate(FIND_STOPS, STOPS)
        # Some, as a date, are several stops by themselves.
        for _ in range(3 * stops + 5):
            page.keyboard.press("Tab")
            stop = page.evaluate(SEE_STOP)
            assert stop["shown"], (page.url, stop["at"])
            if not stop["left"]:
                break
        assert stop["left"] == [], page.url

    return check
