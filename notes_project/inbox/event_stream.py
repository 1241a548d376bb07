"""The newest events as they come, for staff: a page that asks again for what has changed."""

from __future__ import annotations

from typing import Any
from zlib import crc32

from django.contrib.admin import ModelAdmin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from inbox.models import EventLog

_SHOWN = 50


def event_stream(request: HttpRequest, model_admin: ModelAdmin[EventLog]) -> HttpResponse:
    """The page; 204 where ``?shown=`` names what it would show."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    events = list(EventLog.objects.order_by("-id")[:_SHOWN])
    # Not the newest id: of two that are written at once, the higher one may be there first.
    shown = str(crc32(repr([event.pk for event in events]).encode()))
    if request.GET.get("shown") == shown:
        return HttpResponse(status=204)
    page: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": "Events as they happen",
        "opts": model_admin.opts,
        "events": events,
        "shown": shown,
        "is_paused": "paused" in request.GET,
    }
    return render(request, "admin/inbox/eventlog/live.html", page)
