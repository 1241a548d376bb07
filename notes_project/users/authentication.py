from rest_framework.authentication import BaseAuthentication
from django.contrib.auth.middleware import AuthenticationMiddleware


class TokenAuthentication(BaseAuthentication): ...


class TokenCookieMiddleware(AuthenticationMiddleware): ...
