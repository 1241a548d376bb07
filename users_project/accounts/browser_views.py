"""Signing in and out with a browser: Django's session here, the access token in a cookie for both
services. The cookie lives as long as its token; while the session lives, ``/login/`` renews it."""

from __future__ import annotations

import time
from typing import Any

import structlog
from django import forms
from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView, LogoutView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase

from accounts import sessions
from accounts.backends import refusal
from accounts.keys import SigningKeyError, key_folder
from accounts.models import Session, User
from accounts.tokens import LIFETIME, issue_access_token
from attempts.passwords import TooManyFailures, remember_device
from config.problems import respond

# So many renewals within so many seconds are no person's.
CIRCLES, CIRCLE_SECONDS = 5, 10
NOT_ACCEPTED = "You are signed in, but the page does not take it yet. Try again shortly."


def browser_session(request: HttpRequest) -> Session | None:
    """The session that this browser signed in to, if it still lives and its user is active."""
    sid = request.session.get("sid")
    if sid is None or not request.user.is_authenticated:
        return None
    live = Session.objects.live().filter(pk=sid, user=request.user)
    session = live.select_related("user").first()
    if session is not None:
        structlog.contextvars.bind_contextvars(user_id=str(session.user_id))
    return session


def _goes_in_circles(request: HttpRequest) -> bool:
    """Whether a page keeps sending this browser here with the token that it got here.

    So does a service that cannot verify the token, or knows that the user is deleted.
    """
    now = time.time()
    recent = [at for at in request.session.get("renewed_at", []) if now - at < CIRCLE_SECONDS]
    request.session["renewed_at"] = [*recent, now][-CIRCLES:]
    return len(recent) >= CIRCLES


class SignInForm(AuthenticationForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        name = forms.CharField(label="Username or e-mail address", max_length=255)
        name.widget.attrs = {"autocomplete": "username", "autofocus": True, "maxlength": 255}
        self.fields["username"] = name

    def get_invalid_login_error(self) -> forms.ValidationError:
        return forms.ValidationError(refusal(), code="invalid_login")


class Login(LoginView):
    template_name = "accounts/login.html"
    authentication_form = SignInForm

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            key_folder().current()
        except SigningKeyError as error:
            return respond(request, error.status_code, str(error.detail))
        return super().dispatch(request, *args, **kwargs)

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        session = browser_session(request)
        if session is not None:
            if _goes_in_circles(request):
                return respond(request, 503, NOT_ACCEPTED)
            sessions.extend(session)
            return self._go_on(session)
        if request.user.is_authenticated:
            logout(request)
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().post(request, *args, **kwargs)
        except TooManyFailures as error:
            response = respond(request, error.status_code, str(error.detail))
            response["Retry-After"] = str(error.wait)
            return response

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user_agent = self.request.headers.get("User-Agent", "")
        user = form.get_user()
        session = sessions.start(user, user_agent) if isinstance(user, User) else None
        if session is None:
            form.add_error(None, form.get_invalid_login_error())
            return self.form_invalid(form)
        super().form_valid(form)
        self.request.session["sid"] = str(session.id)
        self.request.session.clear_expired()
        response = self._go_on(session)
        remember_device(response, str(session.user_id))
        return response

    def _go_on(self, session: Session) -> HttpResponse:
        response = HttpResponseRedirect(self.get_success_url())
        response.set_cookie(
            settings.ACCESS_COOKIE_NAME,
            issue_access_token(session),
            max_age=LIFETIME,
            secure=settings.HTTPS,
            httponly=True,
            samesite="Lax",
        )
        return response


class Logout(LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        session = browser_session(request)
        if session is not None:
            Session.objects.filter(pk=session.pk).end()
        response = super().post(request, *args, **kwargs)
        response.delete_cookie(settings.ACCESS_COOKIE_NAME, samesite="Lax")
        return response


class LogoutEverywhere(Logout):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        session = browser_session(request)
        if session is not None:
            User.objects.filter(pk=session.user_id).sign_out()
        return super().post(request, *args, **kwargs)
