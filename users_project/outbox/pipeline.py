"""The admin's page of the pipeline, this side of it: what waits in the outbox."""

from __future__ import annotations

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.plots import Plot

# How many rows are counted, the oldest.
MOST_COUNTED = 100_000

# Seconds that a row may have waited to be below the label.
_LIMITS = {"under 1 s": 1, "to 10 s": 10, "to 1 min": 60, "to 10 min": 600, "to 1 h": 3600}
_LABELS = [*_LIMITS, "longer"]

# What a clock that was set back puts into the future has waited for nothing.
_BY_AGE = """
SELECT width_bucket(extract(epoch FROM clock_timestamp() - created_at)::float8, %s::float8[]),
    count(*)
FROM (SELECT created_at FROM outbox ORDER BY position LIMIT %s) AS oldest
GROUP BY 1
"""


@require_safe
def page(request: HttpRequest) -> TemplateResponse:
    if not request.user.has_perm("outbox.view_outboxevent"):
        raise PermissionDenied
    # Here, so that the web server has no librdkafka but where somebody looks.
    from outbox.status import read_status

    status = read_status(MOST_COUNTED)
    context = {
        **admin.site.each_context(request),
        "title": "Pipeline",
        "drawn_at": timezone.now(),
        "status": status,
        "more": status.depth == MOST_COUNTED,
        "plot": _plot(),
    }
    return TemplateResponse(request, "outbox/pipeline.html", context)


def _plot() -> Plot:
    with connection.cursor() as cursor:
        cursor.execute(_BY_AGE, [list(_LIMITS.values()), MOST_COUNTED])
        counts = dict(cursor.fetchall())
    rows = [counts.get(number, 0) for number in range(len(_LABELS))]
    title = "Rows in the outbox, by how long they have waited"
    return Plot(title, "Waiting", _LABELS, {"rows": rows})
