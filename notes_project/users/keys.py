"""The public keys that verify access tokens: users_project's JWKS, kept in memory."""

from __future__ import annotations

import functools
import json
import threading
import time
from collections.abc import Callable
from http.client import HTTPException
from pathlib import Path
from typing import Any

import jwt
import structlog
from django.conf import settings

from users.direct import open_directly

logger = structlog.get_logger(__name__)

# Seconds. A request that needs a key waits for at most one fetch.
TIMEOUT = 2
# The least time between two fetches, and between two attempts while there is no key at all.
COOLDOWN = 30
RETRY = 1
# After this age a known key is still used, and one request asks again: a withdrawn key goes.
LIFETIME = 300
MAX_BYTES = 64 * 1024


class UnknownKey(Exception):
    """No key has this id."""


class KeysUnavailable(Exception):
    """There is no key at all: neither the URL nor the file gives one."""


class KeyCache:
    """Thread-safe. PyJWT's own client drops its keys when they are old and the URL is down.

    Args:
        url: of a JWK Set (RFC 7517).
        file: a copy of it, read while the URL has never answered; "" for none.
        clock: seconds, never going back.
    """

    def __init__(
        self, url: str, file: str = "", clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._url = url
        self._file = file
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: dict[str, jwt.PyJWK] = {}
        self._state = object()
        self._answered = False
        self._next_fetch = 0.0
        self._old_at = 0.0

    def get(self, kid: str) -> jwt.PyJWK:
        """Raises UnknownKey or KeysUnavailable."""
        key = self._keys.get(kid)
        if key is None:
            with self._lock:
                self._refresh_when_due()
            key = self._keys.get(kid)
        else:
            self._refresh_when_old()
            key = self._keys.get(kid)
        if key is not None:
            return key
        raise UnknownKey if self._keys else KeysUnavailable

    def state(self) -> object:
        """Another object whenever the keys may have changed. Raises KeysUnavailable."""
        if not self.is_ready():
            raise KeysUnavailable
        self._refresh_when_old()
        return self._state

    def is_ready(self) -> bool:
        """Whether there is a key, after a fetch where there was none."""
        if not self._keys:
            with self._lock:
                self._refresh_when_due()
        return bool(self._keys)

    def _refresh_when_old(self) -> None:
        if self._clock() >= self._old_at and self._lock.acquire(blocking=False):
            try:
                self._refresh_when_due()
            finally:
                self._lock.release()

    def _refresh_when_due(self) -> None:
        """The lock is held, so the threads that waited for it see what the first one fetched."""
        if self._clock() < self._next_fetch:
            return
        try:
            self._keys = _read_keys(self._fetch())
            self._answered = True
        except (OSError, HTTPException, ValueError, jwt.PyJWTError) as error:
            logger.warning("jwks_fetch_failed", reason=type(error).__name__)
            if not self._answered and self._file:
                self._load_file()
        self._state = object()
        now = self._clock()
        self._next_fetch = now + (COOLDOWN if self._keys else RETRY)
        self._old_at = now + (LIFETIME if self._answered else COOLDOWN)

    def _fetch(self) -> bytes:
        with open_directly(self._url, timeout=TIMEOUT) as response:
            body: bytes = response.read(MAX_BYTES)
        return body

    def _load_file(self) -> None:
        try:
            self._keys = _read_keys(Path(self._file).read_bytes())
        except (OSError, ValueError, jwt.PyJWTError) as error:
            logger.warning("jwks_file_unreadable", reason=type(error).__name__)


def _read_keys(body: bytes) -> dict[str, jwt.PyJWK]:
    """The ES256 keys of a JWK Set by id; raises ValueError where there is none."""
    document: Any = json.loads(body)
    members = document.get("keys") if isinstance(document, dict) else None
    keys = {
        member["kid"]: jwt.PyJWK(member, algorithm="ES256")
        for member in (members if isinstance(members, list) else [])
        if isinstance(member, dict)
        and isinstance(member.get("kid"), str)
        and (member.get("kty"), member.get("crv")) == ("EC", "P-256")
    }
    if not keys:
        raise ValueError("The JWK Set has no ES256 key.")
    return keys


@functools.cache
def key_cache() -> KeyCache:
    """The cache of this process."""
    return KeyCache(settings.NOTES_JWKS_URL, settings.NOTES_JWKS_FILE)
