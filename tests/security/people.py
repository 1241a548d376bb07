"""People of every standing, and what each sends with each operation of the OpenAPI documents."""

import time

import jwt
from cryptography.hazmat.primitives import serialization

from tests.system.client import User, new_name
from tests.system.test_isolation import BODIES

NO_NOTES = '{"format": "notes-jsonl", "version": 1}\n{"end": true, "notes": 0}\n'


def _new_password(user):
    return {"current_password": user.password, "new_password": User().password}


# By the operation's name: what a client sends, valid and of its own account. Where it is text, it
# is a file.
SENT = {
    **{name: lambda _, body=body: body for name, body in BODIES.items()},
    "register": lambda _: User(email=f"{new_name()}@elsewhere.example").registration,
    "sign_in": lambda client: client.user.credentials,
    "refresh_tokens": lambda client: {"refresh": client.refresh},
    "sign_out": lambda client: {"refresh": client.refresh},
    "reset_password": lambda client: {"email": client.user.email},
    "verify_address": lambda client: {"email": client.user.email},
    # Nobody has the link of a mail.
    "confirm_password_reset": lambda _: {"token": "x", "new_password": User().password},
    "confirm_address": lambda _: {"token": "x"},
    "change_me": lambda _: {"username": new_name()},
    "delete_me": lambda client: {"password": client.user.password},
    "change_password": lambda client: _new_password(client.user),
    "create_note": lambda _: {"title": "A note"},
    "write_notes": lambda _: {"operations": [{"op": "create"}]},
    "import_notes": lambda _: NO_NOTES,
}


def body_of(operation, client):
    """The arguments of a request that carry its body."""
    body = SENT[str(operation)](client) if str(operation) in SENT else None
    if isinstance(body, str):
        return {"data": body, "headers": {"Content-Type": "application/jsonl"}}
    return {"json": body}


def signing_key(stack):
    pem = (stack.folder / "signing-keys" / "current.pem").read_bytes()
    return serialization.load_pem_private_key(pem, password=None)


def make_last(client, key):
    """Has the client's access token end tomorrow, so that none ends in the middle of the tests."""
    token = client.headers["Authorization"].partition(" ")[2]
    claims = jwt.decode(token, options={"verify_signature": False})
    claims["exp"] = int(time.time()) + 86_400
    header = jwt.get_unverified_header(token)
    client.headers["Authorization"] = f"Bearer {jwt.encode(claims, key, 'ES256', header)}"
    return client
