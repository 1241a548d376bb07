"""How many passwords may be tried for an account.

What fails is counted by name and network, so who guesses from elsewhere locks nobody out. Guesses
from many networks are counted by name, and then refused in networks where the account has not
signed in before: its owner goes on where they were. A browser that has signed in to the account has
a count of its own, and neither of these is in its way.

An account has two names, its username and its address. One count for both would tell that somebody
has both.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from secrets import token_urlsafe
from unicodedata import combining, normalize

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from rest_framework import status
from rest_framework.exceptions import APIException

from attempts.models import add, counted, forget, key_of

_DEVICE = "users_device"  # the salt of its signature
DEVICE_LIFETIME = timedelta(days=180)
NETWORK_LIFETIME = timedelta(days=30)
TIME, FAILURES = timedelta(minutes=15), 10
"""Of one network or browser."""
TIME_OF_ALL, FAILURES_OF_ALL = timedelta(hours=1), 100
"""Of all networks in which the account has not signed in before."""


class TooManyFailures(APIException):
    status_code = status.HTTP_429_TOO_MANY_REQUESTS
    default_detail = "Too many passwords were wrong. Try again later."

    def __init__(self, seconds: float) -> None:
        super().__init__()
        self.wait = ceil(seconds)  # DRF sends it as Retry-After


class Tries:
    """Those of one request.

    Args:
        name: as it was given. What nobody is called is counted alike.
        account: the id of the user who is called so; empty for nobody's.
    """

    def __init__(self, request: HttpRequest, name: str, account: str) -> None:
        network, device, name = network_of(request), device_of(request, account), folded(name)
        self._of_network = key_of("network", name, network)
        self._of_device = key_of("device", account, device) if device else None
        self._of_all = key_of("all", name)
        self._known = key_of("known", account, network)
        self._is_known = False
        # What this try counts for.
        self._keys: list[bytes] = []

    def require_some_left(self) -> None:
        """Raises TooManyFailures."""
        device = self._of_device
        keys = [self._of_network, self._of_all, self._known]
        found = counted([*keys, device] if device else keys)
        self._is_known = self._known in found
        if device and found.get(device, (0, 0))[0] < FAILURES:
            self._keys = [device]
            return
        limits = {self._of_network: FAILURES}
        if not self._is_known:
            limits[self._of_all] = FAILURES_OF_ALL
        for key, limit in limits.items():
            count, seconds = found.get(key, (0, 0))
            if count >= limit:
                raise TooManyFailures(seconds)
        self._keys = [self._of_network]

    def failed(self) -> None:
        for key in self._keys:
            add(key, TIME)
        if self._keys == [self._of_network] and not self._is_known:
            add(self._of_all, TIME_OF_ALL)

    def succeeded(self) -> None:
        """Without a question before it, as after a new password by a mail's link: from anywhere."""
        # The network with them, whose time begins anew.
        forget([*(self._keys or [self._of_network]), self._known])
        add(self._known, NETWORK_LIFETIME)


def asked_again(session: str, accepts: Callable[[], bool]) -> bool:
    """Whether who is signed in gives their password. Raises TooManyFailures.

    A session has a count of its own: who has stolen one keeps the owner out of nothing.
    """
    key = key_of("session", session)
    count, seconds = counted([key]).get(key, (0, 0))
    if count >= FAILURES:
        raise TooManyFailures(seconds)
    if accepts():
        forget([key])
        return True
    add(key, TIME)
    return False


def folded(name: str) -> str:
    """Alike for all that the database takes for one name, and for more: spellings are no tries."""
    return "".join(each for each in normalize("NFKD", name) if not combining(each)).casefold()


def network_of(request: HttpRequest) -> str:
    """Where the request comes from: an IPv4 address, or 64 bits of an IPv6 one.

    The gateway alone reaches this service, and X-Forwarded-For is its own.
    """
    address = request.META.get("HTTP_X_FORWARDED_FOR") or request.META.get("REMOTE_ADDR", "")
    try:
        bits = 32 if ip_address(address).version == 4 else 64
    except ValueError:
        return ""
    return str(ip_network(f"{address}/{bits}", strict=False))


def device_of(request: HttpRequest, account: str) -> str | None:
    """The name of a browser that has signed in to this account."""
    try:
        owner, name = signing.loads(
            request.COOKIES.get(settings.DEVICE_COOKIE_NAME, ""),
            salt=_DEVICE,
            max_age=DEVICE_LIFETIME,
        )
    except (signing.BadSignature, ValueError):
        return None
    return name if owner == account else None


def remember_device(response: HttpResponse, account: str) -> None:
    """To be called when the account has signed in with a browser."""
    response.set_cookie(
        settings.DEVICE_COOKIE_NAME,
        signing.dumps([account, token_urlsafe(12)], salt=_DEVICE),
        max_age=DEVICE_LIFETIME,
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
