"""EMAIL_VERIFICATION: whoever registers is a user once the address is confirmed."""

import re
from datetime import timedelta
from importlib import import_module

import pytest
from django.contrib.auth.hashers import check_password
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from accounts import addresses
from accounts.models import PendingAddress, User
from attempts import mails as limit
from attempts.models import Attempts
from outbox.models import OutboxEvent
from tests.threads import at_once
from tests.users.conftest import HTML, PASSWORD, token_in

pytestmark = pytest.mark.django_db(transaction=True)

VERIFY, CONFIRM = (
    "/api/v1/auth/email-verification/",
    "/api/v1/auth/email-verification/confirm/",
)
TOKEN, USERS = "/api/v1/auth/token/", "/api/v1/users/"
RESET = "/api/v1/auth/password-reset/"
TIME = "%-d %B %Y, %H:%M"
ADA = {"email": "ada@example.com", "username": "ada", "password": PASSWORD}


@pytest.fixture
def registered(verification, anonymous, mails):
    """Asks for an account, and gives the token of the mail's link."""

    def registered(**changes):
        answer = anonymous.post(USERS, {**ADA, **changes})
        assert (answer.status_code, answer.content) == (202, b"")
        (sent,) = mails()
        return token_in(sent)

    return registered


def test_off_by_default(anonymous, mails):
    assert anonymous.post(USERS, ADA).status_code == 201
    assert mails() == []
    assert anonymous.post(TOKEN, {"username": "ada", "password": PASSWORD}).status_code == 200


def test_who_registers_is_a_user_once_the_address_is_confirmed(registered, anonymous, browser):
    token = registered(email="Ada@EXAMPLE.com")
    assert not User.objects.exists()
    assert not OutboxEvent.objects.exists()
    credentials = {"username": "ada", "password": PASSWORD}
    early = anonymous.post(TOKEN, credentials)
    assert early.status_code == 401
    assert "not confirmed" in early.json()["detail"]
    page = browser.get("/login/").text
    csrf = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)[1]
    page = browser.post("/login/", {**credentials, "csrfmiddlewaretoken": csrf})
    assert "not confirmed" in page.text
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 204
    assert anonymous.post(TOKEN, credentials).status_code == 200
    user = User.objects.get()
    assert (user.email, user.username) == ("Ada@example.com", "ada")
    assert not PendingAddress.objects.exists()
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 403


def test_the_mail_says_of_what_it_is(verification, anonymous, one_mail):
    anonymous.post(USERS, ADA)
    pending = PendingAddress.objects.get()
    text = one_mail("ada@example.com").body
    assert "account ada." in text
    for time in (pending.created_at, pending.created_at + timedelta(days=3)):
        assert f"{time:{TIME}}" in text


def test_an_unconfirmed_password_is_kept_as_a_hash(registered):
    registered()
    kept = PendingAddress.objects.get().password
    assert PASSWORD not in kept
    assert check_password(PASSWORD, kept)


def test_accounts_from_before_go_on(verification, tokens, ada):
    tokens(ada)


def test_the_link_is_a_page_with_a_button(verification, anonymous, browser, submit, mails):
    anonymous.post(USERS, ADA)
    (sent,) = mails()
    path, query = re.search(r"http://testserver(\S+)\?(\S+)", sent.body).groups()
    page = browser.get(f"{path}?{query}")
    # A program that follows the link confirms nothing.
    assert not User.objects.exists()
    assert "is confirmed" in submit(page.text, path).text
    assert User.objects.exists()
    again = submit(page.text, path)
    assert (again.status_code, "does not hold" in again.text) == (403, True)


def test_the_page_says_what_somebody_has_meanwhile(registered, browser, submit, new_user):
    path = f"/email-verification/?token={registered()}"
    new_user("ada")
    answer = submit(browser.get(path).text, path)
    said = "An account has this address or this username already." in answer.text
    assert (answer.status_code, said) == (409, True)


def test_another_mail(registered, anonymous, one_mail, mails):
    first = registered()
    for email in ("ADA@example.com", "nobody@example.com"):
        assert anonymous.post(VERIFY, {"email": email}).status_code == 202
    second = token_in(one_mail("ada@example.com"))
    for token, status in ((second, 204), (first, 403)):
        assert anonymous.post(CONFIRM, {"token": token}).status_code == status
    assert anonymous.post(VERIFY, {"email": "ada@example.com"}).status_code == 202
    assert mails() == []


def test_of_many_that_wait_the_latest_get_another_mail(registered, anonymous, mails):
    for number in range(limit.MAILS):
        registered(username=f"ada{number}")
    PendingAddress.objects.bulk_create(
        PendingAddress(email=ADA["email"], username=f"eve{number}", password="!")
        for number in range(limit.MAILS)
    )
    PendingAddress.objects.filter(username__startswith="eve").update(
        created_at=Now() - timedelta(hours=1)
    )
    Attempts.objects.all().delete()  # an hour later
    with CaptureQueriesContext(connection) as queries:
        addresses.ask_again(ADA["email"])
    assert {re.search(r"account (\w+)", sent.body)[1] for sent in mails()} == {
        f"ada{number}" for number in range(limit.MAILS)
    }
    PendingAddress.objects.bulk_create(
        PendingAddress(email=ADA["email"], username=f"mallory{number}", password="!")
        for number in range(1000)
    )
    with CaptureQueriesContext(connection) as more:
        addresses.ask_again(ADA["email"])
    assert len(more) <= len(queries)


def test_there_is_no_password_to_reset_yet(registered, anonymous, mails):
    registered()
    assert anonymous.post(RESET, {"email": "ada@example.com"}).status_code == 202
    assert mails() == []


def test_a_registration_tells_nobody_whose_address_it_is(
    verification, anonymous, new_user, one_mail
):
    new_user("bob")
    seen = []
    for number, email in enumerate(("eve@example.com", "Bob@example.com")):
        with CaptureQueriesContext(connection) as queries:
            answer = anonymous.post(USERS, {**ADA, "email": email, "username": f"ada{number}"})
        headers = {**answer.headers, "X-Request-ID": ""}
        seen.append((answer.status_code, answer.content, headers, len(queries)))
        sent = one_mail(["eve@example.com", "bob@example.com"][number])
        # Its owner learns of it, and has no link by which another account gets it.
        assert ("account bob" in sent.body, "token=" in sent.body) == (number == 1, number == 0)
    assert seen[0] == seen[1]
    assert seen[0][0] == 202


def test_nor_does_the_page(verification, post, ada):
    taken, free = (
        post("/register/", {**ADA, "username": "eve", "email": f"{name}@example.com"})
        for name in ("ada", "eve")
    )
    assert (taken.status_code, taken.text) == (free.status_code, free.text)
    assert taken.status_code == 200


def test_nor_the_browsable_page(verification, anonymous, ada):
    pages = [
        anonymous.post(
            USERS, {**ADA, "username": "eve", "email": f"{name}@example.com"}, headers=HTML
        )
        for name in ("ada", "eve")
    ]
    taken, free = (re.sub(r'(csrf\w+"?[:=] ?)".*?"', r"\1", page.text) for page in pages)
    assert taken == free
    assert pages[0].status_code == pages[1].status_code == 202


def test_nor_a_name_that_is_taken_as_well(verification, anonymous, ada, errors):
    assert errors(anonymous.post(USERS, ADA)) == {"/username": "taken"}
    assert not PendingAddress.objects.exists()


def test_a_name_is_of_who_confirms_first(registered, anonymous, errors):
    first = registered()
    second = registered(email="countess@example.com", username="ADA")
    assert anonymous.post(CONFIRM, {"token": second}).status_code == 204
    assert errors(anonymous.post(CONFIRM, {"token": first})) == {"/token": "taken"}
    # Nothing is lost: it holds on.
    User.objects.update(username="countess")
    assert anonymous.post(CONFIRM, {"token": first}).status_code == 204


def test_nobody_keeps_an_address_from_whom_it_belongs_to(registered, anonymous, errors):
    squatter = registered(username="squatter")
    token = registered()
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 204
    assert errors(anonymous.post(CONFIRM, {"token": squatter})) == {"/token": "taken"}
    assert User.objects.get().username == "ada"


def test_a_link_followed_twice_at_once(registered, anonymous):
    token = registered()
    answers = at_once(lambda _: anonymous.post(CONFIRM, {"token": token}), 4)
    assert sorted(answer.status_code for answer in answers) == [204, 403, 403, 403]
    assert User.objects.count() == 1


def test_mails_to_somebody_are_few(verification, anonymous, ada, mails):
    for number in range(limit.MAILS + 1):
        anonymous.post(USERS, {**ADA, "username": f"eve{number}"})
    assert len(mails()) == limit.MAILS


def test_nobody_keeps_a_new_password_from_an_account(verification, anonymous, ada, one_mail, mails):
    for number in range(limit.MAILS):
        anonymous.post(USERS, {**ADA, "username": f"eve{number}"})
    mails()
    anonymous.post(RESET, {"email": "ada@example.com"})
    assert "/password-reset/confirm/" in one_mail("ada@example.com").body


def test_who_has_no_password_is_not_sent_for_another(registered, ada, anonymous, one_mail):
    User.objects.filter(pk=ada.pk).update(password="!")
    anonymous.post(USERS, {**ADA, "username": "eve"})
    assert "password" not in one_mail("ada@example.com").body


def test_the_owner_of_a_deactivated_account_is_told_so(registered, new_user, anonymous, one_mail):
    new_user("idle", is_active=False)
    anonymous.post(USERS, {**ADA, "email": "idle@example.com"})
    text = one_mail("idle@example.com").body
    assert ("deactivated" in text, "sign in" in text) == (True, False)


@pytest.fixture
def move():
    def move():
        with connection.cursor() as cursor:
            cursor.execute(import_module("accounts.migrations.0011_users_to_confirm_wait").MOVE)

    return move


def test_who_had_not_confirmed_before_waits(verification, anonymous, one_mail, new_user, move):
    """As it was before registrations waited: a user whose own address does."""
    for name in ("ada", "bob"):
        PendingAddress.objects.create(user=new_user(name), email="ada@example.com")
    move()
    assert [user.username for user in User.objects.all()] == ["bob"]
    assert User.objects.get().pending_address.email == "ada@example.com"
    PendingAddress.objects.filter(username="").delete()
    anonymous.post(VERIFY, {"email": "ada@example.com"})
    token = token_in(one_mail("ada@example.com"))
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 204
    assert anonymous.post(TOKEN, {"username": "ada", "password": PASSWORD}).status_code == 200


def test_who_has_signed_in_before_stays(verification, tokens, ada, new_user, move):
    """While EMAIL_VERIFICATION was off; of Bob the audit log does not know."""
    tokens(ada)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE users DISABLE TRIGGER audit_registered")
        bob = new_user("bob")
        cursor.execute("ALTER TABLE users ENABLE TRIGGER audit_registered")
    for user in (ada, bob):
        PendingAddress.objects.create(user=user, email=user.email)
    move()
    assert set(User.objects.all()) == {ada, bob}
    assert not PendingAddress.objects.exists()
