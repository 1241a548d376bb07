from __future__ import annotations

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse

from config.problems import respond


def admin_login(request: HttpRequest) -> HttpResponse:
    """Sends people to users_project's page; whoever is signed in already is not staff."""
    if request.user.is_authenticated:
        return respond(request, 403, "The admin is for staff.")
    return redirect_to_login(request.GET.get("next", "/admin/notes/"), settings.LOGIN_URL)
