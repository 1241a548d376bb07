from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)

from config.health import readiness
from inbox import pipeline
from notes import schema

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"

urlpatterns = [
    path("api/v1/", include("transfer.urls")),
    path("api/v1/", include("notes.urls")),
    path("notes/", include("pages.urls")),
    path(schema.PATH, schema.block_document),
    path("api/v1/schema/notes/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/docs/notes/", SpectacularSwaggerSplitView.as_view(), name="docs"),
    path("api/v1/docs/notes/redoc/", SpectacularRedocView.as_view()),
    path("readyz/notes", readiness),
    path("admin/notes/pipeline/", admin.site.admin_view(pipeline.page), name="pipeline"),
    path("admin/notes/", admin.site.urls),
]
