from __future__ import annotations

from contextlib import nullcontext
from functools import wraps
from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from audit import trail
from config.problems import respond


class AdminSite(admin.AdminSite):
    """The admin behind ``/login/``, for staff whose session, the one of that sign-in, lives."""

    site_header = site_title = "Accounts"
    site_url = "/"

    def has_permission(self, request: HttpRequest) -> bool:
        from accounts.browser_views import browser_session

        return super().has_permission(request) and browser_session(request) is not None

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """What somebody does here is recorded as theirs, and done as a whole or not at all."""

        @wraps(view)
        def recorded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            with trail.recorded() if request.method == "POST" else nullcontext():
                return view(request, *args, **kwargs)

        return super().admin_view(recorded, cacheable)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """With the page of the pipeline, as if it were a list of the outbox."""
        apps: list[Any] = super().get_app_list(request, app_label)
        page = {"name": "Pipeline", "object_name": "Pipeline", "admin_url": reverse("pipeline")}
        for app in apps:
            if app["app_label"] == "outbox":
                app["models"].append({**page, "add_url": None, "view_only": True})
        return apps

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        from accounts.browser_views import browser_session

        if browser_session(request) is not None:
            # Signed in and no staff: /login/ would send them back here, for ever.
            detail = (
                f"You are signed in as {request.user.get_username()}, who may not use the admin."
                " Sign out on the front page to sign in as somebody else."
            )
            return respond(request, 403, detail)
        return redirect_to_login(request.GET.get("next", request.get_full_path()))

    def logout(  # type: ignore[override]
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        from accounts.browser_views import Logout

        return Logout.as_view()(request)
