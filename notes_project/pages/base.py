"""What all pages for people have in common.

They are views of DRF, as the API's are: who may do what, and how often, is settled in one place.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import render
from rest_framework import exceptions, generics
from rest_framework.renderers import TemplateHTMLRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from config.parsers import FormParser
from config.problems import respond
from notes.pagination import KeysetPagination

# In each form, the user whose page it is on.
SHOWN_TO = "shown_to"


class OtherUser(exceptions.PermissionDenied):
    """In another tab somebody else has signed in since the page was made."""

    default_detail = "This page is another user's than is signed in now, who would get all of it."


class Page(generics.GenericAPIView[Any]):
    renderer_classes = [TemplateHTMLRenderer]
    parser_classes = [FormParser]
    pagination_class = KeysetPagination
    # No operation of the API.
    schema = None

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        if request.POST.get(SHOWN_TO) not in (None, str(request.user.pk)):
            raise OtherUser

    def show(self, name: str, status: int = 200, **context: Any) -> HttpResponse:
        return render(self.request._request, f"pages/{name}.html", context, status=status)

    def refuse(self, status: int, detail: str) -> HttpResponse:
        if status == 401 and self.request.accepts("text/html"):
            # A button was pressed: back to the page that has it.
            there = urlsplit(self.request.headers.get("Referer", ""))
            return redirect_to_login(there._replace(scheme="", netloc="").geturl() or "/notes/")
        return respond(self.request._request, status, detail)

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        response = super().handle_exception(exc)
        if not isinstance(response, Response):
            return response
        page = self.refuse(response.status_code, _detail(response.data))
        for header, value in response.headers.items():
            if header != "Content-Type":
                page[header] = value
        return page


def _detail(problem: Any) -> str:
    """In one text what is wrong, also with each field."""
    details = [error["detail"] for error in problem.get("errors", ())]
    return " ".join(details) or str(problem["detail"])
