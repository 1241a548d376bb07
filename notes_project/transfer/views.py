"""``GET /notes/export/`` and ``POST /notes/import/``."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpResponseBase, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import exceptions, generics, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.negotiation import FORMAT
from notes.etags import is_page
from notes.filters import StrictParameters, read_dry_run
from transfer import errors, importing, jsonl, markdown
from transfer.negotiation import ByFormatAlone, JSONLinesRenderer, MarkdownRenderer
from transfer.places import begun, place
from transfer.serializers import ImportSerializer, ReportSerializer
from transfer.uploads import AnyParser, FormParser, files_of
from users.authentication import signed_in

DRY_RUN = "dry_run"
# A page of the browsable API is made in memory.
_LINES_ON_A_PAGE = 1000
_BUSY = OpenApiResponse(description="Another export or import of yours is running.")
_STATUS = {
    errors.UnknownFormat: status.HTTP_415_UNSUPPORTED_MEDIA_TYPE,
    errors.TooLarge: status.HTTP_413_REQUEST_ENTITY_TOO_LARGE,
    errors.Broken: status.HTTP_422_UNPROCESSABLE_ENTITY,
}


class ExportView(StrictParameters):
    renderer_classes = [JSONLinesRenderer, MarkdownRenderer]
    content_negotiation_class = ByFormatAlone

    @extend_schema(
        operation_id="export_notes",
        summary="All of one's own notes in one file",
        description="Archived ones too, without the trash. The last line of JSON lines has `end`"
        " and the number of notes; a zip file ends with its directory. What lacks it was cut off.",
        parameters=[
            OpenApiParameter(
                FORMAT,
                enum=[each.format for each in renderer_classes],
                description="What the file is; without it `Accept` decides.",
            )
        ],
        responses={
            (200, JSONLinesRenderer.media_type): OpenApiTypes.STR,
            (200, MarkdownRenderer.media_type): OpenApiTypes.BINARY,
            429: _BUSY,
        },
    )
    def get(self, request: Request) -> HttpResponseBase:
        renderer = request.accepted_renderer
        is_lines = isinstance(renderer, JSONLinesRenderer)
        write = jsonl.write if is_lines else markdown.write
        user, client = signed_in(request), request.META.get("gunicorn.socket")
        response = StreamingHttpResponse(
            begun(user, write(user.pk), client) if request.method == "GET" else (),
            content_type=renderer.media_type,
            headers={"Cache-Control": "private, no-store"},
        )
        name = "notes.jsonl" if is_lines else "notes.zip"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def handle_exception(self, exc: Exception) -> HttpResponseBase:  # type: ignore[override]
        response = super().handle_exception(exc)
        # A browser that follows a link and comes back with a new token. Others name no HTML.
        if response.status_code == 401 and "text/html" in self.request.headers.get("Accept", ""):
            return redirect_to_login(self.request.get_full_path(), settings.LOGIN_URL)
        return response


class RefusedUpload(exceptions.APIException):
    def __init__(self, error: errors.CannotImport) -> None:
        self.status_code = _STATUS[type(error)]
        super().__init__(str(error))


class ImportView(StrictParameters, generics.GenericAPIView[Any]):
    parameters = frozenset({DRY_RUN})
    serializer_class = ImportSerializer
    parser_classes = [FormParser, AnyParser]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        # Before somebody reads it: the check of the CSRF token looks for one in a form.
        if int(request.META.get("CONTENT_LENGTH") or 0) > max_bytes():
            limit = f"{settings.NOTES_IMPORT_MAX_MB:,} MB"
            raise RefusedUpload(errors.TooLarge(f"An upload may have {limit} at most."))
        super().initial(request, *args, **kwargs)

    @extend_schema(
        operation_id="import_notes",
        summary="Take notes from an export",
        description="The format is told by the content. Each item is taken whole or not at all, and"
        " none twice. What is here already stays as it is, but for links of an earlier import that"
        " led nowhere.",
        parameters=[
            OpenApiParameter(
                DRY_RUN, OpenApiTypes.BOOL, description="Say what would be done, and write nothing."
            )
        ],
        request={
            "multipart/form-data": ImportSerializer,
            **dict.fromkeys(
                ("application/jsonl", "application/zip", "application/x-tar"), OpenApiTypes.BINARY
            ),
        },
        responses={
            200: ReportSerializer,
            429: _BUSY,
            422: OpenApiResponse(
                description="Nothing is written: the upload is cut off, encrypted or unsafe, or a"
                " part of it is damaged, missing or there twice. One damaged file in an archive is"
                " a line of the report."
            ),
        },
    )
    def post(self, request: Request) -> HttpResponseBase:
        try:
            user = signed_in(request)
            with files_of(request) as files, place(user):
                dry_run = read_dry_run(request, request.POST)
                report = importing.take(user, files, max_bytes(), dry_run=dry_run)
        except errors.CannotImport as error:
            raise RefusedUpload(error) from None
        if not is_page(request):
            return StreamingHttpResponse(report, content_type="application/json")
        with report:
            lines = list(islice(report.lines(), _LINES_ON_A_PAGE))
        return Response({**report.summary(), "report": lines})


def max_bytes() -> int:
    return settings.NOTES_IMPORT_MAX_MB * 1024 * 1024
