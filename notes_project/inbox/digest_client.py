"""The digests of users_project's users, over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from http.client import HTTPException
from typing import Any
from urllib.parse import urlencode, urljoin
from uuid import UUID

from inbox.digests import SCAN_WITHIN
from users.direct import open_directly

PATH = "/internal/v1/user-digests/"
# Seconds; longer than users_project waits for its database.
TIMEOUT = SCAN_WITHIN + 10


class CannotCompare(Exception):
    """The other side, or the own database, gives no digests; the text says what to do."""


class DigestClient:
    """Args:
    jwks_url: of users_project's web server; the digests are at the same host and port.
    secret: COMPARISON_SECRET.
    """

    def __init__(self, jwks_url: str, secret: str) -> None:
        self._url = urljoin(jwks_url, PATH)
        self._secret = secret

    def buckets(self) -> dict[int, tuple[int, int]]:
        """Count and digest of each bucket that has users. Raises CannotCompare."""
        return {number: (count, digest) for number, count, digest in self._get([])}

    def users(self, buckets: Sequence[int]) -> dict[UUID, tuple[int, int]]:
        """Version and digest of each user in these buckets. Raises CannotCompare."""
        named = [("bucket", bucket) for bucket in buckets]
        return {UUID(user): (version, digest) for user, version, digest in self._get(named)}

    def _get(self, query: list[tuple[str, int]]) -> Iterator[tuple[Any, int, int]]:
        request = urllib.request.Request(f"{self._url}?{urlencode(query)}")  # noqa: S310 - http alone
        request.add_unredirected_header("Authorization", f"Bearer {self._secret}")
        try:
            with open_directly(request, timeout=TIMEOUT) as response:
                rows = json.load(response)
            return iter([(key, int(number), int(digest)) for key, number, digest in rows])
        except urllib.error.HTTPError as error:
            with error:
                raise CannotCompare(_refusal(error.code, self._url)) from error
        except (OSError, HTTPException) as error:
            reason = f"users_project does not answer at {self._url}: "
            raise CannotCompare(f"{reason}{getattr(error, 'reason', error)}.") from error
        except (ValueError, TypeError) as error:
            raise CannotCompare(f"What {self._url} answers are no digests.") from error


def _refusal(status: int, url: str) -> str:
    hints = {
        401: "COMPARISON_SECRET is not the same on both sides.",
        404: "Set COMPARISON_SECRET for users_project too. NOTES_JWKS_URL must name its web"
        " server, not the gateway.",
        503: "users_db does not answer, or takes longer than a minute.",
    }
    return f"{url} answers {status}. {hints.get(status, 'See the log of users_project.')}"
