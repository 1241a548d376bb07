"""``Idempotency-Key``: a request that is sent again does its work once, with one answer."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Concatenate, ParamSpec

import orjson
import psycopg
from django.conf import settings
from django.db import IntegrityError, OperationalError, connection, transaction
from django.utils.datastructures import MultiValueDict
from drf_spectacular.utils import OpenApiParameter
from rest_framework import exceptions, status
from rest_framework.request import Request
from rest_framework.response import Response

from config.errors import InvalidHeaders
from config.renderers import JSONRenderer
from notes.models import IdempotencyKey
from users.authentication import NoSuchAccount, signed_in
from users.models import User

HEADER = "Idempotency-Key"
# Marks an answer that is given again.
REPLAYED = "Idempotent-Replayed"
# A server makes one header of two, with a comma between.
_KEY = re.compile(r"[\x21-\x2b\x2d-\x7e]{1,255}")
PARAMETER = OpenApiParameter(
    HEADER,
    {"type": "string", "pattern": f"^{_KEY.pattern}$"},
    OpenApiParameter.HEADER,
    description="Makes it safe to send the same request again: 1 to 255 visible ASCII characters"
    " but the comma, of the client's choice. An answer that is given again has"
    f" `{REPLAYED}: true`.",
)
_KEPT_HEADERS = ("Location", "ETag", "Cache-Control")
# Here an equal request waits until the first one has ended. Then it has the lock of the row, which
# is its own or the first one's.
_CLAIM = """
INSERT INTO idempotency_keys (user_id, key, request) VALUES (%s, %s, %s)
ON CONFLICT (user_id, key) DO UPDATE SET request = excluded.request, created_at = now()
    WHERE idempotency_keys.created_at < now() - make_interval(hours => %s)
"""

P = ParamSpec("P")
Handler = Callable[Concatenate[Any, Request, P], Response]


class StillRunning(exceptions.APIException):
    status_code = status.HTTP_409_CONFLICT
    default_detail = "The first request with this key still runs. Send it again shortly."
    wait = 5  # seconds, as Retry-After


class OtherRequest(exceptions.APIException):
    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY
    default_detail = "This key was used for another request. Give each request a key of its own."

    def __init__(self, first_answer: bytes) -> None:
        super().__init__()
        self.first_answer = first_answer


def idempotent(handler: Handler[P]) -> Handler[P]:
    """For a view's method: `answer_once` with the key that the request's header has."""

    @functools.wraps(handler)
    def once(view: Any, request: Request, /, *args: P.args, **kwargs: P.kwargs) -> Response:
        work = functools.partial(handler, view, request, *args, **kwargs)
        return answer_once(request, request.headers.get(HEADER), work)

    return once


def answer_once(request: Request, key: str | None, work: Callable[[], Response]) -> Response:
    """The answer of ``work``, which has a 2xx status or is an exception; or that of the first time.

    With a key, the answer and what ``work`` writes are one transaction: where it is rolled back,
    nothing is kept. Raises InvalidHeaders, OtherRequest, StillRunning.
    """
    if key is None:
        return work()
    if not _KEY.fullmatch(key):
        raise InvalidHeaders({HEADER: "Give 1 to 255 visible ASCII characters, and no comma."})
    digest = _digest(request)
    with transaction.atomic():
        user = signed_in(request)
        kept = IdempotencyKey.objects.filter(user=user, key=key)
        if not _claim(user, key, digest):
            return _again(request, kept.get(), digest)
        response = work()
        kept.update(
            status=response.status_code,
            headers={name: response[name] for name in _KEPT_HEADERS if name in response},
            body=JSONRenderer().render(response.data),
        )
        return response


def _claim(user: User, key: str, digest: bytes) -> bool:
    """Whether this request is the first with the key."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, (user.pk, key, digest, settings.NOTES_IDEMPOTENCY_HOURS))
            return bool(cursor.rowcount)
    except IntegrityError:
        raise NoSuchAccount from None
    except OperationalError as error:
        # statement_timeout, or lock_timeout where somebody set one: PostgreSQL itself is well.
        waited = psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable
        if isinstance(error.__cause__, waited):
            raise StillRunning from None
        raise


def _again(request: Request, first: IdempotencyKey, digest: bytes) -> Response:
    body: Any = bytes(first.body)
    if bytes(first.request) != digest:
        raise OtherRequest(body)
    if not isinstance(request.accepted_renderer, JSONRenderer):
        body = orjson.loads(body)
    return Response(body, first.status, headers={**first.headers, REPLAYED: "true"})


def _digest(request: Request) -> bytes:
    """Of what the request means: the order of members and a form's boundary do not count."""
    data = request.data
    if isinstance(data, MultiValueDict):
        data = dict(data.lists())
        data.pop("csrfmiddlewaretoken", None)
    try:
        # A form's file is refused by all that takes a key; until then it only has to be something.
        text = json.dumps([request.path, data], sort_keys=True, default=repr)
    except RecursionError:
        raise exceptions.ParseError("The body is nested too deeply.") from None
    return blake2b(text.encode(), digest_size=32).digest()
