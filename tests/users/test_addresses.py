"""EMAIL_VERIFICATION: a changed address takes effect once it is confirmed."""

import json
from datetime import timedelta

import pytest
from django.core import signing
from django.db import connection
from django.db.models.functions import Now

from accounts.models import PendingAddress, User
from attempts import mails as limit
from tests.threads import at_once
from tests.users.conftest import PASSWORD, token_in

pytestmark = pytest.mark.django_db(transaction=True)

VERIFY, CONFIRM = (
    "/api/v1/auth/email-verification/",
    "/api/v1/auth/email-verification/confirm/",
)
ME, RESET = "/api/v1/users/me/", "/api/v1/auth/password-reset/"


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
        for _ in range(limit.MAILS + 1):
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


def test_a_link_of_another_kind(proposed, anonymous):
    proposed("next@example.com")
    token = signing.TimestampSigner(salt="accounts.addresses").sign(
        str(PendingAddress.objects.get().pk)
    )
    assert anonymous.post(CONFIRM, {"token": token}).status_code == 403


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
