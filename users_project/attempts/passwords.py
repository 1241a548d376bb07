"""How many passwords may be tried for an account.

What fails is counted by account and network, so who guesses from elsewhere locks nobody out.
Guesses from many networks are counted by account, and then refused in networks where the account
has not signed in before: its owner goes on where they were. A browser that has signed in to the
account has a count of its own, and neither of these is in its way.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import ip_address, ip_network
from math import ceil
from secrets import token_urlsafe

from django.conf import settings
from django.core import signing
from django.http import HttpRequest, HttpResponse
from rest_framework.exceptions import Throttled

from attempts.models import add, counted, forget, key_of

DEVICE_COOKIE = "users_device"
DEVICE_LIFETIME = timedelta(days=180)
NETWORK_LIFETIME = timedelta(days=30)
TIME, FAILURES = timedelta(minutes=15), 10
"""Of one network or browser."""
TIME_OF_ALL, FAILURES_OF_ALL = timedelta(hours=1), 100
"""Of all networks in which the account has not signed in before."""


class TooManyFailures(Throttled):
    wait: int
    default_detail = "Too many passwords were wrong. Try again later."
    extra_detail_singular = extra_detail_plural = ""


class Tries:
    """Those of one request.

    Args:
        account: the user's id, or a name that nobody has: both are counted alike.
    """

    def __init__(self, request: HttpRequest, account: str) -> None:
        network = network_of(request)
        device = device_of(request, account)
        self._of_network = key_of("network", account, network)
        self._of_all = key_of("all", account)
        self._known = key_of("known", account, network)
        self._of_device = key_of("device", account, device) if device else None
        self._is_known = False

    def require_some_left(self) -> None:
        """Raises TooManyFailures."""
        found = counted([key for key in self._keys if key])
        self._is_known = self._known in found
        if self._of_device and found.get(self._of_device, (0, 0))[0] < FAILURES:
            return
        count, seconds = found.get(self._of_network, (0, 0))
        if count >= FAILURES:
            raise TooManyFailures(wait=ceil(seconds))
        count, seconds = found.get(self._of_all, (0, 0))
        if count >= FAILURES_OF_ALL and not self._is_known:
            raise TooManyFailures(wait=ceil(seconds))
        self._of_device = None

    def failed(self) -> None:
        if self._of_device:
            add(self._of_device, TIME)
            return
        add(self._of_network, TIME)
        if not self._is_known:
            add(self._of_all, TIME_OF_ALL)

    def succeeded(self) -> None:
        """Also for a new password by a mail's link: it gets the owner in from anywhere."""
        forget([key for key in (self._of_device, self._of_network) if key])
        if not self._is_known:
            add(self._known, NETWORK_LIFETIME)

    @property
    def _keys(self) -> tuple[bytes | None, ...]:
        return self._of_device, self._of_network, self._of_all, self._known


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
            request.COOKIES.get(DEVICE_COOKIE, ""), salt=DEVICE_COOKIE, max_age=DEVICE_LIFETIME
        )
    except (signing.BadSignature, ValueError):
        return None
    return name if owner == account else None


def remember_device(response: HttpResponse, account: str) -> None:
    """To be called when the account has signed in with a browser."""
    response.set_cookie(
        DEVICE_COOKIE,
        signing.dumps([account, token_urlsafe(12)], salt=DEVICE_COOKIE),
        max_age=DEVICE_LIFETIME,
        path="/login/",
        secure=settings.HTTPS,
        httponly=True,
        samesite="Lax",
    )
