"""The keys that sign access tokens: EC P-256, PKCS #8, one PEM file each, in one folder.

``current.pem`` signs. ``next.pem`` is published before it signs, so that verifiers know it by
then. ``previous.pem`` still verifies what it signed before the last rotation.
"""

from __future__ import annotations

import base64
import hashlib
import math
import os
import time
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import orjson
import structlog
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings

from config.errors import ServiceUnavailable

logger = structlog.get_logger(__name__)

NAMES = ("current", "next", "previous")
INTERVAL = 310
"""Seconds from one rotation to the next: an access token's life and the leeway of its verifiers."""


class SigningKeyError(ServiceUnavailable):
    """The folder holds no key to sign with, or a file that is no such key; the text says which.

    A client hears of a 503 alone.
    """

    def __init__(self, reason: str) -> None:
        super().__init__()
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True)
class SigningKey:
    private: ec.EllipticCurvePrivateKey

    @cached_property
    def public(self) -> ec.EllipticCurvePublicKey:
        return self.private.public_key()

    @cached_property
    def jwk(self) -> dict[str, str]:
        """The public key (RFC 7517); ``kid`` is its thumbprint (RFC 7638)."""
        point = self.public.public_numbers()
        key = {"crv": "P-256", "kty": "EC", "x": _base64(point.x), "y": _base64(point.y)}
        digest = hashlib.sha256(orjson.dumps(key, option=orjson.OPT_SORT_KEYS)).digest()
        return {**key, "use": "sig", "alg": "ES256", "kid": _unpadded(digest)}

    @property
    def kid(self) -> str:
        return self.jwk["kid"]


class KeyFolder:
    """The keys of a folder, read again when a file has changed: a rotation needs no restart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: tuple[list[tuple[int, int] | None], dict[str, SigningKey]] | None = None

    def keys(self) -> dict[str, SigningKey]:
        """The keys by file name without ``.pem``; raises SigningKeyError."""
        stamps = self._stamps()
        while self._loaded is None or self._loaded[0] != stamps:
            before = stamps
            try:
                keys = self._read()
            except SigningKeyError as error:
                logger.error("no_signing_key", reason=error.reason)
                raise
            # Not some of before and some of after a rotation: a key would be missing.
            stamps = self._stamps()
            if stamps == before:
                self._loaded = (stamps, keys)
        return self._loaded[1]

    def current(self) -> SigningKey:
        return self.keys()["current"]

    def public(self, kid: str) -> ec.EllipticCurvePublicKey | None:
        return next((key.public for key in self.keys().values() if key.kid == kid), None)

    def jwks(self) -> dict[str, list[dict[str, str]]]:
        unique = {key.kid: key.jwk for key in self.keys().values()}
        return {"keys": list(unique.values())}

    def _stamps(self) -> list[tuple[int, int] | None]:
        return [_stamp(self._folder / f"{name}.pem") for name in NAMES]

    def _read(self) -> dict[str, SigningKey]:
        keys = {}
        for name in NAMES:
            path = self._folder / f"{name}.pem"
            try:
                keys[name] = SigningKey(_private_key(path.read_bytes()))
            except FileNotFoundError as error:
                if name == "current":
                    raise SigningKeyError(f"{path} is not there.") from error
            except OSError as error:
                raise SigningKeyError(f"{path} cannot be read: {error.strerror}.") from error
            except (ValueError, TypeError, UnsupportedAlgorithm) as error:
                raise SigningKeyError(f"{path} is not an EC P-256 key in PEM.") from error
        return keys


def rotate(folder: Path) -> None:
    """current becomes previous, next becomes current, and a new key next.

    In an empty folder it makes the first two. ``current.pem`` is there at every moment: each file
    takes its place by a rename.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    current, following = folder / "current.pem", folder / "next.pem"
    if not following.exists():
        _write_new_key(following)
    if current.exists():
        _replace(folder / "previous.pem", current.read_bytes())
    following.replace(current)
    _write_new_key(following)


def seconds_to_wait(folder: Path) -> int:
    """How long it is too soon for another rotation, 0 where there was none.

    A verifier may not know the last one's key, and what the one before signed may still be valid.
    """
    try:
        age = time.time() - (folder / "next.pem").stat().st_mtime
    except FileNotFoundError:
        return 0
    return max(0, math.ceil(INTERVAL - age))


def key_folder() -> KeyFolder:
    """The folder that the settings name."""
    return _key_folder(settings.USERS_SIGNING_KEYS_DIR)


@cache
def _key_folder(folder: Path) -> KeyFolder:
    return KeyFolder(folder)


def _private_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    key = serialization.load_pem_private_key(pem, password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ValueError
    return key


def _write_new_key(path: Path) -> None:
    pem = ec.generate_private_key(ec.SECP256R1()).private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    _replace(path, pem)


def _replace(path: Path, content: bytes) -> None:
    new = path.with_suffix(".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)


def _stamp(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except OSError:
        return None
    return facts.st_mtime_ns, facts.st_ino


def _base64(number: int) -> str:
    return _unpadded(number.to_bytes(32, "big"))


def _unpadded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
