"""``POST /notes/bulk/``: several writes in one request; each succeeds or fails by itself."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import orjson
from django.db import transaction
from drf_spectacular.utils import extend_schema, extend_schema_field
from orjson import Fragment
from rest_framework import exceptions, generics, serializers, status
from rest_framework.exceptions import ErrorDetail
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import ServiceUnavailable
from config.exceptions import problem_of
from config.parsers import JSONParser
from notes.etags import NO_TAGS, UNCONDITIONAL, Conditions, answer_data, entity_tag, parse
from notes.fields import BoundedList
from notes.filters import StrictParameters
from notes.idempotency import PARAMETER, idempotent
from notes.models import Note
from notes.serializers import ID, NotePatchSerializer, NoteSerializer, StrictSerializer
from notes.write import archive_note, change_note, create_note, find_tags, trash_note
from users.authentication import signed_in
from users.models import User

OPERATIONS = ("create", "replace", "change", "delete", "archive", "unarchive")
MAX_OPERATIONS = 100
MAX_BODIES = 16 * 1024 * 1024
"""Bytes of all notes in one answer: what a request of 12 MB writes has room, and small requests for
large notes hold no more in memory or in `idempotency_keys`."""
LONGEST = 15.0
"""Seconds. The last operation may take ten more, and the gateway waits for thirty."""


@extend_schema_field({"type": "array", "items": {"$ref": "#/components/schemas/Operation"}})
class Operations(BoundedList):
    """As they came: each is read by itself, so that one does no harm to another."""


class BulkSerializer(StrictSerializer):
    """Each operation succeeds or fails by itself."""

    operations = Operations(min_length=1, max_length=MAX_OPERATIONS)


@extend_schema_field({"$ref": "#/components/schemas/Problem"})
class Problem(serializers.JSONField):
    pass


class ResultSerializer(serializers.Serializer[Any]):
    status = serializers.IntegerField(help_text="As that of a request for this alone.")
    etag = serializers.CharField(
        required=False,
        help_text=f"Of the note; `body` is left out once all are {MAX_BODIES:,} bytes.",
    )
    body = NoteSerializer(required=False)
    problem = Problem(required=False)


class BulkResultsSerializer(serializers.Serializer[Any]):
    results = ResultSerializer(many=True)


class BulkView(StrictParameters, generics.GenericAPIView[Note]):
    serializer_class = BulkSerializer
    parser_classes = [JSONParser]
    page_headers = {"Idempotency-Key": ""}

    @extend_schema(
        operation_id="write_notes",
        summary="Write several notes",
        description="Each operation succeeds or fails by itself; the results are in their order.",
        parameters=[PARAMETER],
        responses=BulkResultsSerializer,
    )
    @idempotent
    def post(self, request: Request) -> Response:
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        operations = serializer.validated_data["operations"]
        context = self.get_serializer_context()
        results = perform(signed_in(request), operations, context)
        return Response(answer_data(request, orjson.dumps({"results": results})))


@dataclass
class Operation:
    name: str
    note_id: str = ""
    conditions: Conditions = UNCONDITIONAL
    fields: dict[str, Any] = field(default_factory=dict)


def perform(user: User, operations: list[Any], context: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Does the operations in one transaction; returns the result of each, in order.

    Raises ServiceUnavailable where they take too long; nothing is written then.

    Args:
        operations: as they came.
        context: of the view's serializers.
    """
    end = time.monotonic() + LONGEST
    read = [_read(data, context) for data in operations]
    path = context["request"].path
    with transaction.atomic():
        _lock_all(user, [each for each in read if isinstance(each, Operation)])
        results: list[dict[str, Any]] = []
        room = MAX_BODIES
        for number, operation in enumerate(read):
            if time.monotonic() > end:
                detail = "This takes too long at once. Nothing is written: send fewer operations."
                raise ServiceUnavailable(detail)
            result = _result(user, operation, path, number)
            if note := result.pop("body", None):
                room -= len(note)
                if room >= 0:
                    result["body"] = Fragment(note)
            results.append(result)
        return results


def _lock_all(user: User, operations: list[Operation]) -> None:
    """In one order, so that two requests for the same notes or tags never wait for each other."""
    tags = {tag for operation in operations for tag in operation.fields.get("tags", ())}
    if tags:
        find_tags(tags)
    ids = [operation.note_id for operation in operations if operation.note_id]
    notes = Note.objects.owned_by(user).filter(pk__in=ids).order_by("pk")
    list(notes.select_for_update(no_key=True).values_list("pk"))


def _result(
    user: User, operation: Operation | exceptions.ValidationError, path: str, number: int
) -> dict[str, Any]:
    try:
        if isinstance(operation, exceptions.ValidationError):
            raise operation
        note = _do(user, operation, number)
    except exceptions.APIException as error:
        problem = problem_of(error, path, place=f"/operations/{number}")
        return {"status": error.status_code, "problem": problem}
    if note is None:
        return {"status": status.HTTP_204_NO_CONTENT}
    created = operation.name == "create"
    code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
    return {"status": code, "etag": entity_tag(note), "body": note}


def _do(user: User, operation: Operation, number: int) -> bytes | None:
    """In a savepoint; all but `create_note` make their own.

    Returns the note as JSON; None where it is in the trash.
    """
    note_id, conditions, fields = operation.note_id, operation.conditions, operation.fields
    if operation.name == "create":
        with transaction.atomic():
            return create_note(user, **fields, nth=number)[1]
    if operation.name == "delete":
        if not trash_note(user, note_id, conditions):
            raise exceptions.NotFound
        return None
    if operation.name in ("archive", "unarchive"):
        note = archive_note(user, note_id, operation.name == "archive", conditions)
    else:
        note = change_note(user, note_id, fields, conditions)
    if note is None:
        raise exceptions.NotFound
    return note


def _read(data: Any, context: Mapping[str, Any]) -> Operation | exceptions.ValidationError:
    try:
        return _parse(data, context)
    except exceptions.ValidationError as error:
        return error


def _parse(data: Any, context: Mapping[str, Any]) -> Operation:
    if not isinstance(data, dict):
        raise exceptions.ValidationError("An operation is an object.", "invalid")
    rest = {**data}
    name = rest.pop("op", None)
    if name not in OPERATIONS:
        choices = ", ".join(OPERATIONS)
        raise exceptions.ValidationError({"op": f"Give one of: {choices}."}, "invalid_choice")
    if name == "create":
        return Operation(name, fields=_fields(rest, context))
    note_id, conditions = _take_id(rest), _take_conditions(rest)
    if name in ("replace", "change"):
        fields = _fields(rest, context, partial=name == "change")
        return Operation(name, note_id, conditions, fields)
    if rest:
        unknown = ErrorDetail("There is no such field.", "unknown")
        raise exceptions.ValidationError({key[:100]: [unknown] for key in islice(rest, 10)})
    return Operation(name, note_id, conditions)


def _fields(data: Any, context: Mapping[str, Any], *, partial: bool = False) -> dict[str, Any]:
    takes = NotePatchSerializer if partial else NoteSerializer
    serializer = takes(data=data, partial=partial, context=context)
    serializer.is_valid(raise_exception=True)
    fields: dict[str, Any] = serializer.validated_data
    return fields


def _take_id(data: dict[str, Any]) -> str:
    note_id = data.pop("id", None)
    if note_id is None:
        raise exceptions.ValidationError({"id": "This field is required."}, "required")
    if not isinstance(note_id, str) or not re.fullmatch(ID, note_id):
        raise exceptions.ValidationError({"id": "Must be a valid UUID."}, "invalid")
    return note_id


def _take_conditions(data: dict[str, Any]) -> Conditions:
    if "if_match" not in data:
        return UNCONDITIONAL
    text = data.pop("if_match")
    tags = parse(text) if isinstance(text, str) else None
    if tags is None:
        raise exceptions.ValidationError({"if_match": NO_TAGS}, "invalid")
    return Conditions(if_match=tags)
