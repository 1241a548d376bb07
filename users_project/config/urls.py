from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import (
    SpectacularAPIView,
    SpectacularRedocView,
    SpectacularSwaggerSplitView,
)
from rest_framework.permissions import AllowAny

from accounts import recovery_pages as pages
from accounts.browser_views import Login, Logout, LogoutEverywhere
from accounts.token_views import Jwks
from config.api_root import ApiRoot
from config.health import readiness
from front.page import front
from front.registration import Register
from outbox import pipeline
from outbox import views as internal

# The browsable API finds its links to sign in and out under this name.
browser = [
    path("login/", Login.as_view(), name="login"),
    path("logout/", Logout.as_view(), name="logout"),
    path("logout/everywhere/", LogoutEverywhere.as_view(), name="logout-everywhere"),
    path("password-reset/", pages.PasswordReset.as_view(), name="password-reset"),
    path(
        "password-reset/confirm/",
        pages.PasswordResetConfirm.as_view(),
        name="password-reset-confirm",
    ),
    path("email-verification/", pages.ConfirmAddress.as_view(), name="confirm-address"),
]
openapi = {"authentication_classes": (), "permission_classes": (AllowAny,)}

urlpatterns = [
    path("", front, name="front"),
    path("register/", Register.as_view(), name="register"),
    path("api/v1/", ApiRoot.as_view(), name="api-root"),
    path("api/v1/", include("accounts.urls")),
    path("api/v1/schema/users/", SpectacularAPIView.as_view(**openapi), name="schema"),
    path("api/v1/docs/users/", SpectacularSwaggerSplitView.as_view(**openapi)),
    path("api/v1/docs/users/redoc/", SpectacularRedocView.as_view(**openapi)),
    path(".well-known/jwks.json", Jwks.as_view()),
    path("", include((browser, "rest_framework"))),
    path("admin/users/pipeline/", admin.site.admin_view(pipeline.page), name="pipeline"),
    path("admin/users/", admin.site.urls),
    path("readyz/users", readiness),
    path("internal/v1/user-digests/", internal.digests),
]

handler400 = "config.problems.bad_request"
handler403 = "config.problems.permission_denied"
handler404 = "config.problems.not_found"
handler500 = "config.problems.server_error"
