"""A new password by a mail's link."""

import re
from datetime import timedelta
from threading import Event

import pytest
from django.core.mail.backends.locmem import EmailBackend
from django.core.management import call_command

from accounts import background, password_reset
from accounts.models import Session, User
from tests.threads import at_once
from tests.users.conftest import HTML, PASSWORD, json_client, settle, token_in

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("mails")]

RESET, CONFIRM = "/api/v1/auth/password-reset/", "/api/v1/auth/password-reset/confirm/"
TOKEN, ME = "/api/v1/auth/token/", "/api/v1/users/me/"
NEW = "battery staple 7"


@pytest.fixture
def reset_token(anonymous, one_mail, ada):
    assert anonymous.post(RESET, {"email": "ada@example.com"}).status_code == 202
    return token_in(one_mail("ada@example.com"))


@pytest.mark.parametrize("email", ["ada@example.com", "Ada@Example.COM"])
def test_a_mail_leads_to_the_gateways_page(anonymous, ada, one_mail, settings, email):
    settings.ALLOWED_HOSTS = ["*"]
    headers = {"host": "evil.example", "x-forwarded-host": "evil.example"}
    response = anonymous.post(RESET, {"email": email}, headers=headers)
    assert (response.status_code, response.content) == (202, b"")
    sent = one_mail("ada@example.com")
    assert "\nhttp://testserver/password-reset/confirm/?token=" in sent.body
    assert "ada" in sent.body
    assert sent.from_email == "noreply@localhost"


def test_the_answer_comes_before_anybody_is_looked_for(anonymous, ada, monkeypatch, mails):
    """So it can say nothing of who is known, and takes as long for all."""
    go_on, looked = Event(), []

    def wait_and_send(email):
        go_on.wait(10)
        looked.append(email)

    monkeypatch.setattr(password_reset, "send_link", wait_and_send)
    answers = []
    for email in ("ada@example.com", "nobody@example.com"):
        response = anonymous.post(RESET, {"email": email})
        headers = {**response.headers, "X-Request-ID": ""}
        answers.append((response.status_code, response.content, headers))
    assert answers[0] == answers[1]
    assert not looked
    go_on.set()
    settle()
    assert sorted(looked) == ["ada@example.com", "nobody@example.com"]


def test_who_gets_no_mail(anonymous, new_user, mails):
    new_user("idle", is_active=False)
    User.objects.filter(pk=new_user("sso").pk).update(password="!")
    for name in ("idle", "sso", "nobody"):
        assert anonymous.post(RESET, {"email": f"{name}@example.com"}).status_code == 202
    assert mails() == []


@pytest.mark.parametrize("body", [{}, {"email": "x"}, {"email": None}, {"email": "a@b.c", "x": 1}])
def test_a_request_that_cannot_be_meant(anonymous, body):
    assert anonymous.post(RESET, body).status_code == 400


def test_more_than_can_wait_is_refused(anonymous, monkeypatch):
    go_on = Event()
    monkeypatch.setattr(password_reset, "send_link", lambda _: go_on.wait(20))
    answers = [
        anonymous.post(RESET, {"email": "a@example.com"}) for _ in range(background.LIMIT + 1)
    ]
    go_on.set()
    assert [answer.status_code for answer in answers] == [202] * background.LIMIT + [503]
    assert answers[-1]["Retry-After"] == "5"


def test_a_mail_server_that_refuses(anonymous, ada, monkeypatch, log, mails):
    def refuse(*_):
        raise OSError("no such mailbox: ada@example.com")

    monkeypatch.setattr(EmailBackend, "send_messages", refuse)
    assert anonymous.post(RESET, {"email": "ada@example.com"}).status_code == 202
    settle()
    assert "background_work_failed" in log.getvalue()
    assert "@" not in log.getvalue()


def test_a_new_password_signs_out_everywhere(anonymous, ada, tokens, reset_token, one_mail, log):
    before = tokens(ada)
    answer = anonymous.post(CONFIRM, {"token": reset_token, "new_password": NEW})
    assert (answer.status_code, answer.content) == (204, b"")
    assert not Session.objects.live().exists()
    assert json_client(before["access"]).get(ME).status_code == 401
    assert anonymous.post(TOKEN, {"username": "ada", "password": PASSWORD}).status_code == 401
    assert anonymous.post(TOKEN, {"username": "ada", "password": NEW}).status_code == 200
    assert "was changed" in one_mail("ada@example.com").subject
    assert reset_token not in log.getvalue()


def test_a_link_holds_once(anonymous, reset_token, errors):
    body = {"token": reset_token, "new_password": NEW}
    answers = at_once(lambda _: anonymous.post(CONFIRM, body), 2)
    assert sorted(answer.status_code for answer in answers) == [204, 403]
    again = anonymous.post(CONFIRM, body)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (403, "invalid_link")


CHANGES = {
    "password": lambda user: User.objects.filter(pk=user.pk).update(password="!"),
    "address": lambda user: User.objects.filter(pk=user.pk).update(email="x@example.com"),
    "deactivated": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
    "deleted": User.delete,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_makes_the_link_invalid(anonymous, ada, reset_token, change):
    change(ada)
    answer = anonymous.post(CONFIRM, {"token": reset_token, "new_password": NEW})
    assert answer.status_code == 403


def test_a_link_holds_for_an_hour(anonymous, reset_token, monkeypatch):
    from django.contrib.auth.tokens import PasswordResetTokenGenerator

    now = PasswordResetTokenGenerator._now
    later = timedelta(hours=1, seconds=5)
    monkeypatch.setattr(PasswordResetTokenGenerator, "_now", lambda self: now(self) + later)
    answer = anonymous.post(CONFIRM, {"token": reset_token, "new_password": NEW})
    assert answer.status_code == 403


def test_somebody_elses_token(anonymous, ada, new_user, reset_token):
    bob = new_user("bob")
    mixed = f"{bob.pk.hex}.{reset_token.partition('.')[2]}"
    for token in (mixed, "x", "", "a.b", f"{ada.pk.hex}.", f"{ada.pk.hex}.x-y", "\u0663" * 32):
        answer = anonymous.post(CONFIRM, {"token": token, "new_password": NEW})
        assert answer.status_code in ({403} if token else {400})
    assert User.objects.get(pk=bob.pk).check_password(PASSWORD)


@pytest.mark.parametrize("password", ["short", "9876543210123", "ada@example.com", "x" * 1025])
def test_a_password_that_is_refused_leaves_the_link(anonymous, reset_token, errors, password):
    answer = anonymous.post(CONFIRM, {"token": reset_token, "new_password": password})
    assert list(errors(answer)) == ["/new_password"]
    answer = anonymous.post(CONFIRM, {"token": reset_token, "new_password": NEW})
    assert answer.status_code == 204


def test_the_pages(browser, submit, anonymous, ada, one_mail, mails):
    page = browser.get("/login/").text
    assert 'href="/password-reset/"' in page
    page = browser.get("/password-reset/").text
    said = submit(page, "/password-reset/", email="ada@example.com")
    unknown = submit(page, "/password-reset/", email="nobody@example.com")
    assert "is on its way" in said.text
    assert said.text == unknown.text
    path, _, query = re.search(r"http://testserver(\S+)", one_mail("ada@example.com").body)[
        1
    ].partition("?")
    opened = browser.get(f"{path}?{query}")
    assert opened.status_code == 200
    assert "no-store" in opened["Cache-Control"]
    twice = submit(opened.text, path, new_password=NEW, repeated="other")
    assert "not the same" in twice.text
    weak = submit(opened.text, path, new_password="short", repeated="short")
    assert "too short" in weak.text
    done = submit(opened.text, path, new_password=NEW, repeated=NEW)
    assert (done.status_code, "holds" in done.text) == (200, True)
    for again in (
        browser.get(f"{path}?{query}"),
        submit(opened.text, path, new_password=NEW, repeated=NEW),
        browser.get(path),
    ):
        assert again.status_code == 403
        assert "does not hold any more" in again.text
    assert anonymous.post(TOKEN, {"username": "ada", "password": NEW}).status_code == 200


@pytest.mark.parametrize("path", ["/password-reset/", "/password-reset/confirm/"])
def test_a_page_needs_the_forms_token(browser, path):
    assert browser.post(path, {"email": "a@example.com"}).status_code == 403


def test_a_new_password_is_told(signed_in, ada, one_mail):
    body = {"current_password": PASSWORD, "new_password": NEW}
    assert signed_in(ada).post(f"{ME}password/", body).status_code == 204
    assert "/password-reset/" in one_mail("ada@example.com").body


def test_deployment_is_warned_of_mail_in_the_log(settings, capsys):
    settings.EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"
    call_command("check", "--deploy", "--tag", "mail")
    assert "accounts.W001" in capsys.readouterr().err
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    call_command("check", "--deploy", "--tag", "mail")
    assert "accounts.W001" not in capsys.readouterr().err


def test_the_pages_are_for_browsers(client):
    page = client.get("/password-reset/", headers=HTML)
    assert page["Content-Type"].startswith("text/html")
    assert "style=" not in page.text
    assert "<script" not in page.text
