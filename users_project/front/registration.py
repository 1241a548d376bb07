"""Registering on a page: the API's rules, its errors at the fields, and signed in at once."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.views import RedirectURLMixin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from rest_framework import generics, serializers
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import AllowAny
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request

from accounts import addresses, sessions
from accounts.browser_views import browser_session, sign_in
from accounts.keys import SigningKeyError, key_folder
from accounts.models import User
from accounts.serializers import RegistrationSerializer
from config.parsers import FormParser, MultiPartParser
from config.problems import respond

CONFIRM = "A mail to your address says how to go on. Then sign in."


class PageRenderer(TemplateHTMLRenderer):
    exception_template_names = ["problem.html"]


@method_decorator(never_cache, name="dispatch")
class Register(RedirectURLMixin, generics.GenericAPIView[User]):
    permission_classes = (AllowAny,)
    renderer_classes = (PageRenderer,)
    parser_classes = (FormParser, MultiPartParser)
    serializer_class = RegistrationSerializer
    schema = None
    next_page = settings.LOGIN_REDIRECT_URL

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            key_folder().current()
        except SigningKeyError as error:
            return respond(request, error.status_code, str(error.detail))
        if browser_session(request) is not None:
            return redirect(settings.LOGIN_REDIRECT_URL)
        return super().dispatch(request, *args, **kwargs)

    def perform_authentication(self, request: Request) -> None:
        """Nobody is signed in here; so what DRF asks of who is it would leave out."""
        SessionAuthentication().enforce_csrf(request)

    def get(self, request: Request) -> HttpResponse:
        return self._form()

    def post(self, request: Request) -> HttpResponse:
        serializer = self.get_serializer(data=request.data)
        try:
            serializer.is_valid(raise_exception=True)
            if settings.EMAIL_VERIFICATION:
                addresses.register(**serializer.validated_data)
                page = {"title": "Confirm your address", "text": CONFIRM}
                return render(request._request, "accounts/form.html", page)
            user = serializer.save()
        except serializers.ValidationError as error:
            return self._form(error)
        session = sessions.start(user, request.headers.get("User-Agent", ""))
        if session is None:  # Somebody was quicker, and has changed the account.
            return redirect(settings.LOGIN_URL)
        return sign_in(request._request, session, self.get_success_url())

    def _form(self, error: serializers.ValidationError | None = None) -> HttpResponse:
        """With what was typed, but the password, and what is wrong with it at the fields."""
        found = error.detail if error and isinstance(error.detail, dict) else {}
        errors = {name: each if isinstance(each, list) else [each] for name, each in found.items()}
        page = {
            "given": self.request.data,
            "errors": errors,
            "all_errors": list(errors.items()),
            "next": self.get_redirect_url(),
        }
        status = error.status_code if error else 200
        return render(self.request._request, "front/register.html", page, status=status)
