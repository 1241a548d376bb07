from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config.health import readiness
from users.views import admin_login

admin.site.site_header = admin.site.site_title = "Notes"
admin.site.site_url = "/api/v1/notes/"

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"

urlpatterns = [
    path("api/v1/", include("notes.urls")),
    path("api/v1/schema/notes/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/notes/", SpectacularSwaggerView.as_view(), name="docs"),
    path("readyz/notes", readiness),
    # In place of the admin's own: people sign in at users_project.
    path("admin/notes/login/", admin_login),
    path("admin/notes/", admin.site.urls),
]
