"""Where things are, of both services, for programs; the front page has them for people."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

LINKS = {
    "notes": "/api/v1/notes/",
    "tags": "/api/v1/tags/",
    "trash": "/api/v1/trash/",
    "bulk": "/api/v1/notes/bulk/",
    "import": "/api/v1/notes/import/",
    "users": "/api/v1/users/",
    "me": "/api/v1/users/me/",
    "password": "/api/v1/users/me/password/",
    "export": "/api/v1/users/me/export/",
    "sessions": "/api/v1/auth/sessions/",
    "token": "/api/v1/auth/token/",
    "token_refresh": "/api/v1/auth/token/refresh/",
    "logout": "/api/v1/auth/logout/",
    "logout_all": "/api/v1/auth/logout-all/",
    "password_reset": "/api/v1/auth/password-reset/",
    "password_reset_confirm": "/api/v1/auth/password-reset/confirm/",
    "email_verification": "/api/v1/auth/email-verification/",
    "email_verification_confirm": "/api/v1/auth/email-verification/confirm/",
    "jwks": "/.well-known/jwks.json",
    "users_docs": "/api/v1/docs/users/",
    "notes_docs": "/api/v1/docs/notes/",
    "users_redoc": "/api/v1/docs/users/redoc/",
    "notes_redoc": "/api/v1/docs/notes/redoc/",
    "users_openapi": "/api/v1/schema/users/",
    "notes_openapi": "/api/v1/schema/notes/",
    "users_admin": "/admin/users/",
    "notes_admin": "/admin/notes/",
}


class ApiRoot(APIView):
    """Where things are, of both services."""

    permission_classes = (AllowAny,)

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:
        return Response({name: request.build_absolute_uri(path) for name, path in LINKS.items()})
