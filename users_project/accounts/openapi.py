"""What drf-spectacular cannot see by itself."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse

MEANWHILE = OpenApiResponse(description="An account has the address or the username meanwhile.")
TAKEN = OpenApiResponse(
    description="Somebody has this name or, without EMAIL_VERIFICATION, this address; `errors` says"
    " which."
)
CONFIRM_FIRST = (
    "With EMAIL_VERIFICATION, whether somebody has the address or not: a mail to it says how to"
    " go on."
)
WAITS = "The new address takes effect once it is confirmed; a mail to it says how to go on."
MAILED_AGAIN = OpenApiResponse(description="A mail is on its way where such an address waits.")
MAILED = OpenApiResponse(description="A mail is on its way where there is such an account.")
INVALID_LINK = OpenApiResponse(description="The link is used, replaced by a later one or too old.")
WRONG_PASSWORD = OpenApiResponse(
    description="This is not your password. With the cookie alone: the CSRF token is wrong."
)


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    target_class = "accounts.authentication.TokenAuthentication"
    name = ["bearer", "cookie"]

    def get_security_definition(self, auto_schema: Any) -> list[dict[str, str]]:
        cookie = "For browsers; a request that changes something needs a CSRF token."
        return [
            {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
            {
                "type": "apiKey",
                "in": "cookie",
                "name": settings.ACCESS_COOKIE_NAME,
                "description": cookie,
            },
        ]

    def get_security_requirement(self, auto_schema: Any) -> list[dict[str, list[str]]]:
        return [{"bearer": []}, {"cookie": []}]


class BodyOnDelete(AutoSchema):
    """Deleting oneself takes the password in the body; drf-spectacular describes none."""

    def _get_request_body(self, direction: str = "request") -> Any:
        method = self.method
        self.method = "POST" if method == "DELETE" else method
        try:
            return super()._get_request_body(direction)  # type: ignore[no-untyped-call]
        finally:
            self.method = method
