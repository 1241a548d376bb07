from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse

from config.problems import respond


class AdminSite(admin.AdminSite):
    """The admin for staff. Signing in and out and passwords are users_project's."""

    site_header = site_title = "Notes"
    site_url = "/"

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """With the page of the pipeline, as if it were a list of the inbox."""
        apps: list[Any] = super().get_app_list(request, app_label)
        page = {"name": "Pipeline", "object_name": "Pipeline", "admin_url": reverse("pipeline")}
        for app in apps:
            if app["app_label"] == "inbox":
                app["models"].append({**page, "add_url": None, "view_only": True})
        return apps

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if request.user.is_authenticated:
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
        raise Http404

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        raise Http404

    def password_change_done(  # type: ignore[override]
        self, request: HttpRequest, extra_context: Any = None
    ) -> HttpResponse:
        raise Http404
