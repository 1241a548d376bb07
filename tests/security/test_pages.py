"""What browsers are told: headers, cookies, which origin may do what."""

from contextlib import contextmanager

import pytest

from devstack import admin
from tests.security.pages import Inline
from tests.system.browser import Browser, Page
from tests.system.client import Api, Client, User
from tests.system.openapi import OPERATIONS
from tests.system.problems import assert_problem

NOTES, ME, LOGIN = "/api/v1/notes/", "/api/v1/users/me/", "/login/"
STYLE = "/static/notes/rest_framework/css/bootstrap.min.css"
PAGE = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
}
NO_PAGE = {"default-src 'none'", "frame-ancestors 'none'"}
HEADERS = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
ADMIN = [
    *("/admin/users/", "/admin/users/accounts/user/", "/admin/users/accounts/user/add/"),
    *(
        "/admin/users/accounts/pendingaddress/",
        "/admin/users/audit/entry/",
        "/admin/users/auth/group/",
        "/admin/users/outbox/outboxevent/",
        "/admin/notes/",
        "/admin/notes/notes/note/",
    ),
    *("/admin/notes/notes/note/add/", "/admin/notes/notes/tag/", "/admin/notes/users/user/"),
    *("/admin/notes/inbox/eventlog/", "/admin/notes/inbox/deadletter/"),
    "/admin/notes/inbox/eventlog/live/",
    *("/admin/users/pipeline/", "/admin/notes/pipeline/"),
]
PAGES = [
    *("/", LOGIN, "/api/v1/", "/api/v1/users/", ME, f"{ME}password/", "/api/v1/docs/users/"),
    *("/api/v1/docs/users/redoc/", "/api/v1/docs/notes/redoc/", "/api/v1/auth/logout-all/"),
    *("/password-reset/", "/password-reset/confirm/?token=x", "/email-verification/?token=x"),
    "/register/",
    *(
        "/api/v1/auth/password-reset/",
        "/api/v1/auth/sessions/",
        "/api/v1/auth/token/",
        NOTES,
        f"{NOTES}?q=a",
        "/api/v1/tags/",
        "/api/v1/trash/",
    ),
    *(f"/notes/{each}" for each in ("", "?q=a", "new/", "trash/", "import/", "export/")),
    *(f"{NOTES}bulk/", f"{NOTES}import/", "/api/v1/docs/notes/", f"{NOTES}nope/", *ADMIN),
]
ORIGIN = "https://app.example"


@pytest.fixture(scope="module")
def manager(stack):
    """The browser of a member of the staff, with a note and a tag."""
    password = admin.password_file(stack.folder).read_text().strip()
    with Browser(stack.gateway_url, User(admin.USERNAME, password=password)) as browser:
        form = browser.sign_in(NOTES).form_with("title", "content", "tags")
        browser.submit(form, title="A note", content="text", tags="red")
        browser.hooks["response"].clear()  # staff sees everybody's address
        yield browser


@contextmanager
def restarted(stack, **variables):
    """The services with other settings, for a while."""
    before = {part: part.environment for part in (stack.users, stack.notes)}

    def restart(part, environment):
        part.stop()
        part.environment = environment
        part.start()
        part.wait_ready()

    try:
        for part in before:
            restart(part, lambda project: {**stack.environment_of(project), **variables})
        yield
    finally:
        for part, environment in before.items():
            restart(part, environment)


def policy(answer):
    return set(answer.headers["Content-Security-Policy"].split("; "))


def cookies(answer):
    """The attributes of each cookie that the answer sets."""
    found = {}
    for text in answer.raw.headers.getlist("Set-Cookie"):
        first, *rest = text.split("; ")
        found[first.partition("=")[0]] = {each.lower() for each in rest}
    return found


@pytest.mark.parametrize("path", PAGES)
def test_every_page_does_with_a_strict_policy(manager, path):
    page = manager.get(path)
    assert page.headers["Content-Type"].startswith("text/html"), page.text
    assert policy(page) == PAGE
    inline = Inline(page)
    assert inline.found == []
    for address in inline.resources:
        assert manager.get(address).status_code == 200, address


@pytest.mark.parametrize(
    "path",
    [
        *("/", LOGIN, f"{LOGIN}?next={NOTES}", "/password-reset/", "/email-verification/?token=x"),
        *("/password-reset/confirm/?token=x", "/api/v1/users/", NOTES, "/admin/users/"),
        "/register/",
    ],
)
def test_so_do_the_pages_for_everybody(api, path):
    with Browser(api.url) as browser:
        page = browser.get(path)
    assert policy(page) == PAGE
    assert Inline(page).found == []


def test_an_error_of_the_gateway_is_a_page_for_a_browser(manager, send):
    page = manager.get("/nope<script>")
    assert (page.status_code, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
    assert page.headers["X-Request-ID"] in page.text
    assert "nope" not in page.text
    assert Inline(page).found == []
    for path in ("/problem", "/problem.html"):
        assert_problem(send(f"GET {path} HTTP/1.1"), 404, path)


def test_the_pages_of_the_admin_are_all_there_are(manager):
    """As many as its front page links, so that a new one is not forgotten."""
    for site in ("/admin/users/", "/admin/notes/"):
        links = {
            link.removeprefix(manager.url)
            for link in manager.open(site).links.values()
            if link.removeprefix(manager.url).count("/") == 5
        }
        assert links == {path for path in ADMIN if path.startswith(site) and path.count("/") == 5}


@pytest.mark.parametrize(
    ("path", "accept"),
    [
        *((path, "application/json") for path in (NOTES, ME, "/nope", "/healthz", "/api/v1/")),
        *((path, "text/html") for path in (LOGIN, NOTES, "/nope", "/api/v1/docs/notes/")),
        *((path, "*/*") for path in (STYLE, "/readyz/users", "/.well-known/jwks.json")),
        ("/api/v1/docs/users/?script=", "*/*"),
    ],
)
def test_the_headers_of_every_answer(api, path, accept):
    client = api.sign_in()
    for asking in (api, client):
        answer = asking.get(path, headers={"Accept": accept}, allow_redirects=False)
        assert {name: answer.headers[name] for name in HEADERS} == HEADERS
        assert "geolocation=()" in answer.headers["Permissions-Policy"]
        is_page = answer.headers.get("Content-Type", "").startswith("text/html")
        assert policy(answer) == (PAGE if is_page else NO_PAGE)
        assert "Strict-Transport-Security" not in answer.headers
        for name, values in answer.raw.headers.items():
            one = answer.raw.headers.getlist(name)
            assert len(one) == 1 or name in ("Vary", "Set-Cookie"), (name, values)


@pytest.mark.parametrize("path", ["/password-reset/confirm/", "/email-verification/"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_link_with_a_token_leaves_by_no_referer(api, gateway, path, accept):
    """Nor from the gateway's own errors, whose page links the front page."""
    headers = {"Accept": accept}
    answer = api.get(path, params={"token": "x"}, headers=headers)
    assert answer.headers["Referrer-Policy"] == "strict-origin"
    with gateway(replace=[("client_max_body_size 12m;", "client_max_body_size 1;")]) as url:
        refused = Client(url).post(path, params={"token": "x"}, data="ab", headers=headers)
    assert (refused.status_code, refused.headers["Referrer-Policy"]) == (413, "strict-origin")


@pytest.mark.parametrize("path", [ME, "/api/v1/users/", NOTES, "/api/v1/tags/", f"{NOTES}export/"])
def test_private_answers_are_kept_by_nobody_else(api, manager, path):
    for answer in (api.sign_in().get(path), manager.get(path), api.get(path)):
        kept = {each.strip() for each in answer.headers["Cache-Control"].split(",")}
        assert kept & {"no-store", "private"}
        assert not kept & {"public"}


def test_tokens_and_sign_ins_are_not_kept(api):
    user = api.register()
    answer = Client(api.url, user).post("/api/v1/auth/token/", json=user.credentials)
    assert answer.headers["Cache-Control"] == "no-store"
    assert "no-store" in api.get(LOGIN, headers={"Accept": "text/html"}).headers["Cache-Control"]


def test_behind_tls(gateway, api):
    """Browsers are told to come by HTTPS alone."""
    with gateway(GATEWAY_URL="https://localhost") as url, Client(url) as client:
        for path in (NOTES, LOGIN, "/nope", STYLE):
            answer = client.get(path, headers={"Accept": "*/*"})
            assert answer.headers["Strict-Transport-Security"] == "max-age=63072000"


def test_the_flags_of_cookies(api):
    user = api.register()
    with Browser(api.url, user) as browser:
        fields = browser.open(LOGIN).form_with("username")["fields"] | user.credentials
        answer = browser.post(
            LOGIN, data=fields, headers={"Referer": api.url + LOGIN}, allow_redirects=False
        )
    given = cookies(answer)
    assert given.keys() == {"access_token", "users_session", "users_csrf", "users_device"}
    for name, flags in given.items():
        assert "samesite=lax" in flags, name
        assert "secure" not in flags  # the gateway is at http://
        assert not any(flag.startswith("domain") for flag in flags)
        # The pages of the other service sign out with the token of this one.
        assert ("httponly" in flags) == (name != "users_csrf")


def test_cookies_behind_tls(stack, gateway, api):
    """A browser keeps them for this host alone, and all that needs them goes on."""
    user, origin, kept = api.register(), "https://localhost", {}
    with (
        restarted(stack, GATEWAY_URL=origin),
        gateway(GATEWAY_URL=origin) as url,
        Browser(url, user) as browser,
    ):

        def ask(method, path, **options):
            """By hand: the client would send none of these over HTTP."""
            sent = "; ".join(f"{name}={value}" for name, value in kept.items())
            headers = {"Cookie": sent, "Origin": origin}
            answer = browser.request(
                method, path, headers=headers, allow_redirects=False, **options
            )
            kept.update(answer.cookies.get_dict())
            return answer

        fields = Page(ask("GET", LOGIN)).form_with("username")["fields"]
        signed_in = ask("POST", LOGIN, data=fields | user.credentials)
        names = ["access_token", "users_session", "users_csrf", "users_device"]
        assert cookies(signed_in).keys() == {f"__Host-{name}" for name in names}
        page = Page(ask("GET", NOTES))
        sign_out = next(form for form in page.forms if form["action"].endswith("/logout/"))
        fields = page.form_with("title", "content")["fields"]
        assert ask("POST", NOTES, data=fields | {"title": "A note"}).status_code == 201
        assert kept.keys() == {f"__Host-{name}" for name in [*names, "notes_csrf"]}
        signed_out = ask("POST", "/logout/", data=sign_out["fields"])
    assert signed_out.status_code == 302
    assert "max-age=0" in cookies(signed_out)["__Host-access_token"]
    for answer in (signed_in, signed_out):
        for name, flags in cookies(answer).items():
            # What the prefix asks for; a browser drops the cookie otherwise, and what deletes it.
            assert {"secure", "path=/"} <= flags, name
            assert not any(flag.startswith("domain") for flag in flags)


WRITES = [
    operation
    for operation in OPERATIONS
    if operation.method not in ("GET", "HEAD") and any(operation.definition.get("security", []))
]


@pytest.mark.parametrize("operation", WRITES, ids=str)
@pytest.mark.parametrize("case", ["no token", "wrong token", "other origin"])
def test_csrf_on_every_write_with_a_cookie(manager, operation, case):
    path = operation.path.replace("{number}", "1").replace("{name}", "red")
    path = path.replace("{id}", "7f3c0000-0000-4000-8000-000000000001")
    headers = {"Referer": manager.url + NOTES, "Accept": "application/json"}
    if case == "wrong token":
        headers["X-CSRFToken"] = "x" * 64
    if case == "other origin":
        tokens = {cookie.name: cookie.value for cookie in manager.cookies}
        service = "users" if operation.document["info"]["title"] == "Accounts" else "notes"
        headers |= {"X-CSRFToken": tokens[f"{service}_csrf"], "Origin": "https://evil.example"}
    assert "access_token" in manager.cookies
    answer = manager.request(operation.method, path, json={}, headers=headers)
    assert_problem(answer, 403)


@pytest.mark.parametrize("path", [LOGIN, "/logout/"])
def test_csrf_of_signing_in_and_out(manager, path):
    for token in ("", "x" * 64):
        fields = {"username": "ada", "password": "x", "csrfmiddlewaretoken": token}
        assert manager.post(path, data=fields).status_code == 403


@pytest.mark.parametrize(
    "where",
    [
        *("//evil.example", "https://evil.example", "/\\evil.example", "\\\\evil.example"),
        *("http:evil.example", "///evil.example", "javascript:alert(1)", "/%5cevil.example/.."),
        *(" //evil.example", "\t//evil.example", "//evil.example/%2f..", "https:/evil.example"),
    ],
)
def test_next_leads_here_alone(api, where):
    user = api.register()
    with Browser(api.url, user) as browser:
        page = browser.get(LOGIN, params={"next": where})
        token = browser.cookies["users_csrf"]
        fields = {**user.credentials, "next": where, "csrfmiddlewaretoken": token}
        signed_in = browser.post(
            page.url, data=fields, headers={"Referer": page.url}, allow_redirects=False
        )
        again = browser.get(LOGIN, params={"next": where}, allow_redirects=False)
    for answer in (signed_in, again):
        assert answer.status_code == 302
        location = answer.headers["Location"]
        assert location.startswith("/")
        assert not location.startswith(("//", "/\\"))


PREFLIGHT = {
    "Access-Control-Request-Method": "PUT",
    "Access-Control-Request-Headers": "authorization,content-type,if-match",
}


@pytest.mark.parametrize("path", [NOTES, ME, "/api/v1/auth/token/", LOGIN, "/healthz", STYLE])
@pytest.mark.parametrize("origin", [ORIGIN, "null", "https://localhost", "http://evil.example"])
def test_no_other_origin_may_read_by_default(api, origin, path):
    client = api.sign_in()
    for headers in ({"Origin": origin}, {"Origin": origin, **PREFLIGHT}):
        for method in ("GET", "OPTIONS"):
            answer = client.request(method, path, headers=headers)
            assert not [name for name in answer.headers if name.startswith("Access-Control-")]


@pytest.fixture(scope="module")
def opened(stack):
    """The services with one origin that may read, for as long as these tests take."""
    with restarted(stack, CORS_ALLOWED_ORIGINS=ORIGIN):
        yield Api(stack.gateway_url)


@pytest.mark.parametrize("path", [NOTES, ME])
def test_a_listed_origin_may_read(opened, path):
    client = opened.sign_in()
    preflight = opened.options(path, headers={"Origin": ORIGIN, **PREFLIGHT})
    assert preflight.status_code == 200
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "if-match" in preflight.headers["Access-Control-Allow-Headers"]
    answer = client.get(path, headers={"Origin": ORIGIN})
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "RateLimit" in answer.headers["Access-Control-Expose-Headers"]
    assert "origin" in answer.headers["Vary"].lower()
    # Cookies stay at home.
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "http://app.example",
        f"{ORIGIN}:8443",
        f"{ORIGIN}.evil.example",
        "https://x.app.example",
    ],
)
@pytest.mark.parametrize("path", [NOTES, ME])
def test_no_other_than_the_listed_one(opened, path, origin):
    for headers in ({"Origin": origin}, {"Origin": origin, **PREFLIGHT}):
        answer = opened.options(path, headers=headers)
        assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize("path", [LOGIN, "/admin/users/", "/admin/notes/", "/notes/"])
def test_pages_are_for_no_other_origin(opened, path):
    headers = {"Origin": ORIGIN, "Accept": "text/html"}
    # Of the page itself, not of the one where people sign in.
    answer = opened.get(path, headers=headers, allow_redirects=False)
    assert "Access-Control-Allow-Origin" not in answer.headers
