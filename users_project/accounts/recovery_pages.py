"""The pages that a mail's link leads to, and the one that asks for such a mail."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth import password_validation
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.generic import FormView

from accounts import addresses, background, password_reset
from accounts.backends import MAX_PASSWORD_LENGTH
from accounts.refusals import InvalidLink, Taken

EXPIRED = "This link does not hold any more: it was used, replaced by a later one, or is too old."


class _Password(forms.PasswordInput):
    def __init__(self) -> None:
        super().__init__({"autocomplete": "new-password"})


class AddressForm(forms.Form):
    email = forms.EmailField(
        label="E-mail address",
        max_length=255,
        widget=forms.EmailInput({"autocomplete": "email"}),
    )


class LinkForm(forms.Form):
    token = forms.CharField(max_length=255, widget=forms.HiddenInput)


class NewPasswordForm(LinkForm):
    new_password = forms.CharField(
        label="New password", max_length=MAX_PASSWORD_LENGTH, strip=False, widget=_Password
    )
    repeated = forms.CharField(
        label="The same again", max_length=MAX_PASSWORD_LENGTH, strip=False, widget=_Password
    )

    def clean(self) -> None:
        given = self.cleaned_data
        if given.get("new_password") != given.get("repeated"):
            self.add_error("repeated", "The two are not the same.")
            return
        if "token" in given and "new_password" in given:
            user = password_reset.user_of(given["token"])
            try:
                password_validation.validate_password(given["new_password"], user)
            except forms.ValidationError as error:
                self.add_error("new_password", error)


@method_decorator(never_cache, name="dispatch")
class Page(FormView[Any]):
    template_name = "accounts/form.html"
    title = text = button = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        try:
            return super().dispatch(request, *args, **kwargs)
        except InvalidLink:
            return self.tell(EXPIRED, status=403)

    def get_initial(self) -> dict[str, Any]:
        return {"token": self.request.GET.get("token", "")}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = {"title": self.title, "text": self.text, "button": self.button}
        return super().get_context_data(**page, **kwargs)

    def tell(self, text: str, status: int = 200) -> HttpResponse:
        page = {"title": self.title, "text": text}
        return render(self.request, self.template_name, page, status=status)


class PasswordReset(Page):
    form_class = AddressForm
    title, button = "Forgotten password", "Send a link"
    text = "A mail to the address of your account brings a link to set a new password."

    def form_valid(self, form: forms.Form) -> HttpResponse:
        email = form.cleaned_data["email"]
        background.run(lambda: password_reset.send_link(email))
        return self.tell("If an account has this address, a mail to it is on its way.")


class PasswordResetConfirm(Page):
    form_class = NewPasswordForm
    title, button = "New password", "Set it"
    text = "It signs you out everywhere."

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        password_reset.user_of(request.GET.get("token", ""))
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: forms.Form) -> HttpResponse:
        given = form.cleaned_data
        password_reset.confirm(given["token"], given["new_password"], self.request)
        return self.tell("The new password holds. Sign in with it.")


class ConfirmAddress(Page):
    """The link only shows a button: programs that read mail follow links."""

    form_class = LinkForm
    title, button = "E-mail address", "Confirm it"
    text = "Confirm that this address is yours."

    def form_valid(self, form: forms.Form) -> HttpResponse:
        try:
            addresses.confirm(form.cleaned_data["token"])
        except Taken as error:
            return self.tell(error.text, status=409)
        return self.tell("The address is confirmed.")
