"""EMAIL_VERIFICATION: whoever registers is a user once the address is confirmed, and a changed one
takes effect then.
"""

import json
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
TOKEN, ME, USERS = "/api/v1/auth/token/", "/api/v1/users/me/", "/api/v1/users/"
RESET = "/api/v1/auth/password-reset/"
TIME = "%-d %B %Y, %H:%M"
ADA = {"email": "ada@example.com", "username": "ada", "password": PASSWORD}


@pytest.fixture
def verification(settings):
    settings.EMAIL_VERIFICATION = True


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


def another(email):
    return {"email": email, "password": PASSWORD}


def test_the_former_address_is_told(signed_in, ada, one_mail, mails):
    client = signed_in(ada)
    assert client.patch(ME, another("new@example.com")).status_code == 200
    sent = one_mail("ada@example.com")
    assert "new@example.com" not in sent.body
    assert client.patch(ME, {"username": "countess"}).status_code == 200
    assert client.patch(ME, {"email": "new@example.com"}).status_code == 200
    assert mails() == []


def test_a_changed_address_takes_effect_once_confirmed(
    verification, signed_in, anonymous, ada, mails
):
    client = signed_in(ada)
    answer = client.patch(ME, {**another("new@example.com"), "username": "countess"})
    assert answer.status_code == 202
    assert (answer.json()["email"], answer.json()["username"]) == ("ada@example.com", "countess")
    (sent,) = mails()
    assert sent.to == ["new@example.com"]
    anonymous.post(RESET, {"email": "new@example.com"})
    assert mails() == []
    assert anonymous.post(CONFIRM, {"token": token_in(sent)}).status_code == 204
    assert client.get(ME).json()["email"] == "new@example.com"
    (sent,) = mails()
    assert sent.to == ["ada@example.com"]


@pytest.fixture
def proposed(verification, signed_in, ada, mails):
    """Asks for another address, and gives the token of the mail's link."""
    client = signed_in(ada)

    def proposed(email):
        assert client.patch(ME, another(email)).status_code == 202
        (sent,) = mails()
        return token_in(sent)

    return proposed


def test_a_later_address_or_none_replaces_one_that_waits(proposed, signed_in, anonymous, ada):
    client = signed_in(ada)
    mistyped = proposed("mistyped@example.com")
    proposed("next@example.com")
    assert anonymous.post(CONFIRM, {"token": mistyped}).status_code == 403
    last = proposed("last@example.com")
    assert client.patch(ME, {"email": "ada@example.com"}).status_code == 200
    assert anonymous.post(CONFIRM, {"token": last}).status_code == 403
    # Nor after somebody has set one by the admin or by SQL.
    token = proposed("next@example.com")
    User.objects.filter(pk=ada.pk).update(email="set@example.com")
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 403
    assert client.get(ME).json()["email"] == "set@example.com"


def test_a_change_tells_nobody_whose_address_it_is(
    verification, signed_in, ada, new_user, one_mail, errors
):
    client = signed_in(ada)
    new_user("bob")
    taken = {**another("Bob@example.com"), "username": "BOB"}
    assert errors(client.patch(ME, taken)) == {"/username": "taken"}
    assert client.patch(ME, another("Bob@example.com")).status_code == 202
    sent = one_mail("bob@example.com")
    assert ("account bob" in sent.body, "token=" in sent.body) == (True, False)
    assert client.get(ME).json()["email"] == "ada@example.com"


def test_an_address_that_is_taken_meanwhile(proposed, anonymous, ada, new_user, errors):
    new_user("bob")
    token = proposed("next@example.com")
    User.objects.filter(username="bob").update(email="Next@example.com")
    assert errors(anonymous.post(CONFIRM, {"token": token})) == {"/token": "taken"}
    assert User.objects.get(pk=ada.pk).email == "ada@example.com"


def test_nor_what_is_kept_of_it(verification, signed_in, new_user, mails, anonymous):
    """The audit log is in the export."""
    new_user("bob")
    seen = []
    for name, email in (("eve", "bob@example.com"), ("mallory", "nobody@example.com")):
        client = signed_in(new_user(name))
        for _ in range(limit.MAILS):  # Of an account alone these count.
            anonymous.post(RESET, {"email": email})
        assert client.patch(ME, another(email)).status_code == 202
        assert anonymous.post(VERIFY, {"email": email}).status_code == 202
        mails()
        log = json.loads(client.get(f"{ME}export/").getvalue())["audit_log"]
        seen.append([(entry["event"], entry["by"]) for entry in log])
    assert seen[0] == seen[1]
    assert ("confirmation_mailed", "you") in seen[0]


def test_ones_own_in_another_letter_case(proposed, anonymous, ada):
    assert anonymous.post(CONFIRM, {"token": proposed("Ada@example.com")}).status_code == 204
    ada.refresh_from_db()
    assert ada.email == "Ada@example.com"


def test_the_mail_has_the_new_name(verification, signed_in, ada, one_mail):
    change = {**another("next@example.com"), "username": "countess"}
    assert signed_in(ada).patch(ME, change).status_code == 202
    assert "account countess." in one_mail("next@example.com").body


SIGN_OUTS = {
    "password": lambda user: user.change_password("battery staple 7"),
    "everywhere": lambda user: User.objects.filter(pk=user.pk).sign_out(),
    "deactivated": lambda user: User.objects.filter(pk=user.pk).update(is_active=False),
}


@pytest.mark.parametrize("sign_out", SIGN_OUTS.values(), ids=SIGN_OUTS)
def test_who_is_signed_out_everywhere_has_proposed_nothing(proposed, anonymous, ada, sign_out):
    token = proposed("thief@example.com")
    sign_out(ada)
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 403
    ada.refresh_from_db()
    assert ada.email == "ada@example.com"


def test_a_better_hash_leaves_what_is_proposed(proposed, anonymous, ada):
    token = proposed("next@example.com")
    ada._rehash(PASSWORD)
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 204


def test_the_owner_of_a_deactivated_account_is_told_so(registered, new_user, anonymous, one_mail):
    new_user("idle", is_active=False)
    anonymous.post(USERS, {**ADA, "email": "idle@example.com"})
    text = one_mail("idle@example.com").body
    assert ("deactivated" in text, "sign in" in text) == (True, False)


@pytest.mark.parametrize("token", ["x", "a:b:c", "é"])
def test_an_address_is_not_confirmed_by(anonymous, token):
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 403


@pytest.mark.parametrize(("seconds", "status"), [(-60, 204), (60, 403)])
def test_a_link_to_confirm_holds_for_three_days(proposed, anonymous, mails, seconds, status):
    token = proposed("next@example.com")
    age = timedelta(days=3, seconds=seconds)
    PendingAddress.objects.update(created_at=Now() - age)
    # To ask again makes it no longer: what the mail says of it stays true.
    assert anonymous.post(VERIFY, {"email": "next@example.com"}).status_code == 202
    assert len(mails()) == (status == 204)
    assert anonymous.post(CONFIRM, {"token": token}).status_code == status


def test_proposals_at_once_leave_one(verification, signed_in, ada, mails):
    clients = [signed_in(ada) for _ in range(4)]
    answers = at_once(lambda n: clients[n].patch(ME, another(f"n{n}@example.com")), 4)
    assert {answer.status_code for answer in answers} == {202}
    assert PendingAddress.objects.count() == 1


def test_what_waits_goes_with_its_user(proposed, ada):
    proposed("next@example.com")
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM users")
    assert not PendingAddress.objects.exists()


def test_who_had_not_confirmed_before_waits(verification, anonymous, one_mail, new_user):
    """As it was before registrations waited: a user whose own address does."""
    for name in ("ada", "bob"):
        PendingAddress.objects.create(user=new_user(name), email="ada@example.com")
    with connection.cursor() as cursor:
        cursor.execute(import_module("accounts.migrations.0011_users_to_confirm_wait").MOVE)
    assert [user.username for user in User.objects.all()] == ["bob"]
    assert User.objects.get().pending_address.email == "ada@example.com"
    PendingAddress.objects.filter(username="").delete()
    anonymous.post(VERIFY, {"email": "ada@example.com"})
    token = token_in(one_mail("ada@example.com"))
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 204
    assert anonymous.post(TOKEN, {"username": "ada", "password": PASSWORD}).status_code == 200
