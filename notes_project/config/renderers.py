from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson
from django.utils.safestring import mark_safe
from rest_framework import parsers, renderers
from rest_framework.request import override_method
from rest_framework.utils.html import is_html_input
from rest_framework.utils.serializer_helpers import ReturnDict

from config.problems import MEDIA_TYPE

_MULTIPART = parsers.MultiPartParser.media_type
# Statuses of a request whose body was read and understood.
_AFTER_READING = (400, 403, 409, 412, 422, 503)


class JSONRenderer(renderers.BaseRenderer):
    """JSON by orjson; bytes are JSON already.

    An error answer is labelled as problem details (RFC 9457 section 3).
    """

    media_type = "application/json"
    format = "json"
    charset = None

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        response = (renderer_context or {}).get("response")
        # In the browsable API it fills a part of an HTML page.
        if response is not None and response.exception and response.accepted_renderer is self:
            response["Content-Type"] = MEDIA_TYPE
        if data is None:
            return b""
        if isinstance(data, bytes):
            return data
        indent = orjson.OPT_INDENT_2 if (renderer_context or {}).get("indent") else 0
        return orjson.dumps(data, option=orjson.OPT_UTC_Z | indent, default=str)


class RawFormRenderer(renderers.JSONRenderer):
    """What the browsable API fills its raw form with: of an object, the fields that can be set."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        writable = {
            name: value
            for name, value in data.items()
            if not (field := data.serializer.fields[name]).read_only
            and not field.style.get("of_forms_alone")
        }
        return super().render(writable, accepted_media_type, renderer_context)


class PageRenderer(renderers.BrowsableAPIRenderer):
    """The browsable API. What a view may have for its page:

    Attributes:
        page_links: a method that gives texts and addresses of where the page leads, of the body of
            the answer, which is empty where there is an error.
        page_row: a method that gives the same for a row of a list.
        page_headers: headers of requests that the forms send, with their values.
        form_to_delete: whether DELETE takes what is typed into a form.
    """

    renderer_context: Mapping[str, Any]
    has_form_again = False

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> Any:
        response = (renderer_context or {})["response"]
        # What takes no GET has a page all the same: that of its forms.
        if response.status_code == 405 and (renderer_context or {})["request"].method == "GET":
            response.status_code, response.exception, data = 200, False, None
        return super().render(data, accepted_media_type, renderer_context)

    def get_context(
        self, data: Any, accepted_media_type: str | None, renderer_context: Mapping[str, Any]
    ) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context(data, accepted_media_type, renderer_context)
        view, request, response = (renderer_context[n] for n in ("view", "request", "response"))
        failed = response.exception
        body = data if isinstance(data, Mapping) and not failed else {}
        headers = getattr(view, "page_headers", {})
        sent = {name: request.headers[name] for name in headers if name in request.headers}
        html = {"POST": context["post_form"], "PUT": context["put_form"]}
        if not html["PUT"]:
            html["PATCH"] = self.get_rendered_html_form(data, view, "PATCH", request)
        methods = ("POST", "PUT", "PATCH")
        raw = {method: context[f"raw_data_{method.lower()}_form"] for method in methods}
        return {
            **context,
            "problem": data if failed else None,
            "again": self.has_form_again,
            "links": view.page_links(body) if hasattr(view, "page_links") else (),
            "rows": [view.page_row(each) for each in body.get("results", ())]
            if hasattr(view, "page_row")
            else (),
            "headers": headers | sent if failed else headers,
            "forms": [(each, html.get(each), raw[each]) for each in methods if raw[each]],
            "delete_fields": self._delete_fields(view, request) if context["delete_form"] else "",
        }

    def get_rendered_html_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        refused = self.renderer_context["response"].status_code in _AFTER_READING
        shown = hasattr(data, "serializer") or not hasattr(view, "get_serializer")
        if method == request.method and refused and not shown and _is_filled_in_form(request):
            # Whatever was wrong, the form comes again as it was filled in.
            filled_in = view.get_serializer(data=request.data, partial=method == "PATCH")
            filled_in.is_valid()
            for error in data.get("errors", ()):
                filled_in._errors.setdefault(error.get("pointer", "")[1:], [error["detail"]])
            data = ReturnDict(data, serializer=filled_in)
        form = super().get_rendered_html_form(data, view, method, request)
        if method == request.method and refused:
            self.has_form_again = isinstance(form, str)
        return form

    def get_raw_data_form(self, data: Any, view: Any, method: str, request: Any) -> Any:
        form = super().get_raw_data_form(data, view, method, request)
        if form:
            form.auto_id = f"{method.lower()}_%s"
            media_type: Any = form.fields["_content_type"]
            # Nobody types the parts of one by hand.
            media_type.choices = [each for each in media_type.choices if each[0] != _MULTIPART]
        return form

    def get_filter_form(self, data: Any, view: Any, request: Any) -> Any:
        # What was asked for comes again, however wrong it was.
        wrong = request.method == "GET" and self.renderer_context["response"].status_code == 400
        return super().get_filter_form([] if wrong else data, view, request)

    def _delete_fields(self, view: Any, request: Any) -> Any:
        if not getattr(view, "form_to_delete", False):
            return ""
        with override_method(view, request, "DELETE"):
            fields = str(self.render_form_for_serializer(view.get_serializer()))
        # Not the ids of another form on the page, which may have a field of the same name.
        return mark_safe(re.sub(r'"(field|about)-', r'"delete-\1-', fields))  # noqa: S308 - as it came


def _is_filled_in_form(request: Any) -> bool:
    return is_html_input(request.data) and request.stream is not None
