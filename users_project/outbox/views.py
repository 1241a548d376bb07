"""What notes_project asks to compare its users with those here; the gateway does not route it.

``GET /internal/v1/user-digests/`` answers with ``[[bucket, count, digest], …]``, and
``?bucket=17&bucket=903`` with the users of these: ``[[id, version, digest], …]``.
"""

from __future__ import annotations

import re

import orjson
from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from config.problems import respond
from outbox.digests import BUCKETS, MOST_BUCKETS, bucket_digests, bucket_range, user_digests


@never_cache
@require_safe
def digests(request: HttpRequest) -> HttpResponse:
    if not settings.COMPARISON_SECRET:
        raise Http404
    given = request.headers.get("Authorization", "")
    if not constant_time_compare(given, f"Bearer {settings.COMPARISON_SECRET}"):
        refusal = respond(request, 401, "This is for the notes service, with its secret.")
        refusal["WWW-Authenticate"] = "Bearer"
        return refusal
    named = request.GET.getlist("bucket")
    if not named:
        return _json(bucket_digests())
    buckets = [int(text) for text in named if re.fullmatch("[0-9]{1,5}", text)]
    if len(buckets) < len(named) or len(named) > MOST_BUCKETS or max(buckets) >= BUCKETS:
        detail = f"At most {MOST_BUCKETS} buckets, each a number below {BUCKETS}."
        return respond(request, 400, detail)
    return _json(user_digests([bucket_range(bucket) for bucket in buckets]))


def _json(rows: object) -> HttpResponse:
    return HttpResponse(orjson.dumps(rows), content_type="application/json")
