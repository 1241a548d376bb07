"""The front page: what this is, where things are, how they are, and how far one's last change is.

What notes_project has to say to it the gateway puts in (decision 38).
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.vary import vary_on_headers

from accounts.browser_views import browser_session
from config.api_root import ApiRoot
from config.health import state
from outbox.models import OutboxEvent

_api_root = ApiRoot.as_view()


@csrf_exempt  # It only reads: what else comes is for the API to refuse.
@never_cache
@vary_on_headers("Accept")
def front(request: HttpRequest) -> HttpResponseBase:
    """A page for a browser, the links of the API for everybody else."""
    preferred = request.get_preferred_type(["application/json", "text/html"])
    if preferred != "text/html" or request.method not in ("GET", "HEAD"):
        return _api_root(request)
    session = browser_session(request)
    if session is None:
        return _page(request)
    if settings.ACCESS_COOKIE_NAME not in request.COOKIES:
        # It has expired, and notes_project would not know who asks: a new one, and back.
        return redirect_to_login(request.get_full_path())
    user = session.user
    return _page(request, account=user, waits=OutboxEvent.objects.waits(str(user.pk)))


def _page(request: HttpRequest, **context: object) -> HttpResponse:
    page = {"accounts": state(), "now": timezone.now(), **context}
    return render(request, "front/page.html", page)
