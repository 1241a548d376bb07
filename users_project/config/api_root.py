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
    "users": "/api/v1/users/",
    "me": "/api/v1/users/me/",
    "sessions": "/api/v1/auth/sessions/",
    "token": "/api/v1/auth/token/",
    "jwks": "/.well-known/jwks.json",
    "users_docs": "/api/v1/docs/users/",
    "notes_docs": "/api/v1/docs/notes/",
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
