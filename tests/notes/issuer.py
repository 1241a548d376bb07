"""users_project's part, played for the tests: it signs access tokens and serves its public keys."""

from __future__ import annotations

import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

START = datetime(2026, 11, 22, 9, 15, 2, 123456, tzinfo=UTC)


@dataclass
class Account:
    username: str = "ada"
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    version: int = 1
    created_at: datetime = START
    tokens_valid_after: datetime = START
    staff: bool = False


class Issuer:
    def __init__(self) -> None:
        self.keys: dict[str, ec.EllipticCurvePrivateKey] = {}
        self.fetches = 0
        self.status = 200
        self.url = ""
        self.add_key("first")

    def add_key(self, kid: str) -> None:
        self.keys[kid] = ec.generate_private_key(ec.SECP256R1())

    def jwks(self) -> str:
        keys = []
        for kid, key in self.keys.items():
            jwk = jwt.algorithms.ECAlgorithm.to_jwk(key.public_key(), as_dict=True)
            keys.append({**jwk, "kid": kid, "alg": "ES256", "use": "sig"})
        return json.dumps({"keys": keys})

    def token(
        self,
        account: Account,
        *,
        kid: str = "first",
        headers: dict[str, Any] | None = None,
        without: tuple[str, ...] = (),
        **claims: Any,
    ) -> str:
        now = int(time.time())
        payload: dict[str, Any] = {
            "iss": "users",
            "aud": "notes-platform",
            "iat": now,
            "exp": now + 300,
            "sub": str(account.id),
            "sid": str(uuid.uuid4()),
            "username": account.username,
            "uv": account.version,
            "created_at": _text(account.created_at),
            "tokens_valid_after": _text(account.tokens_valid_after),
            **({"staff": True} if account.staff else {}),
            **claims,
        }
        payload = {name: value for name, value in payload.items() if name not in without}
        key = self.keys.get(kid) or self.keys["first"]
        header = {"typ": "at+jwt", "kid": kid, **(headers or {})}
        return jwt.encode(payload, key, "ES256", headers=header)

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Answers at ``url`` with the public keys, or with ``status`` where that is not 200."""
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                issuer.fetches += 1
                body = issuer.jwks().encode()
                self.send_response(issuer.status)
                self.send_header("Location", issuer.url)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{server.server_port}/.well-known/jwks.json"
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()


def _text(time: datetime) -> str:
    return time.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
