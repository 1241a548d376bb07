"""The admin's page of the pipeline, this side of it: what waits in Kafka, and what was recorded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.contrib import admin
from django.db import connection
from django.http import HttpRequest
from django.template.response import TemplateResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from config.admin_lists import CappedPaginator
from config.plots import Plot
from inbox.models import DeadLetter, EventLog, Outcome
from inbox.positions import CannotRead

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
MINUTES = 30
# How many messages are counted at most, and how many are shown.
MOST_COUNTED = 100_000
NEWEST = 20
# Seconds, for each of the two questions to Kafka: who looks at the page waits for them.
PATIENCE = 2.0

_BY_MINUTE = """
SELECT date_trunc('minute', recorded_at), outcome, count(*), max(recorded_at) FROM (
    SELECT recorded_at, outcome FROM event_log WHERE recorded_at >= %s
    ORDER BY recorded_at DESC LIMIT %s
) AS newest
GROUP BY 1, 2
"""


class Count(NamedTuple):
    minute: datetime
    outcome: str
    messages: int
    newest: datetime


@require_safe
def page(request: HttpRequest) -> TemplateResponse:
    now = timezone.now()
    minutes, counts = _counted(now)
    lag, problem = _lag()
    events = list(EventLog.objects.order_by("-id")[:NEWEST])
    context: dict[str, Any] = {
        **admin.site.each_context(request),
        "title": "Pipeline",
        "drawn_at": now,
        "lag": sum(lag.values()),
        "problem": problem,
        "lag_plot": _plot_of_lag(lag) if lag else None,
        "outcome_plot": _plot_of_outcomes(minutes, counts),
        "age_plot": _plot_of_ages(minutes, counts, now),
        "minutes": len(minutes),
        "dead_letters": DeadLetter.objects.open()[: CappedPaginator.CAP].count(),
        "events": [(event, _delay(event)) for event in events],
        "age": (now - events[0].recorded_at) // SECOND * SECOND if events else None,
    }
    return TemplateResponse(request, "inbox/pipeline.html", context)


def _lag() -> tuple[dict[int, int], str]:
    """Messages that wait, by partition; or none, and why that is not known."""
    # Here, so that the web server has no librdkafka but where somebody looks.
    from inbox.status import read_lag
    from inbox.topic import BrokerUnavailable

    try:
        return read_lag(PATIENCE), ""
    except (BrokerUnavailable, CannotRead) as error:
        return {}, str(error)


def _counted(now: datetime) -> tuple[list[datetime], list[Count]]:
    """The last minutes, the running one too, and what was recorded in them.

    Fewer of them where more was recorded than is counted.
    """
    last = now.replace(second=0, microsecond=0)
    first = last - (MINUTES - 1) * MINUTE
    with connection.cursor() as cursor:
        cursor.execute(_BY_MINUTE, [first, MOST_COUNTED])
        counts = [Count(*row) for row in cursor.fetchall()]
    if sum(count.messages for count in counts) == MOST_COUNTED:
        # The first one that was reached is not counted to its begin.
        first = min(last, min(count.minute for count in counts) + MINUTE)
    return [first + number * MINUTE for number in range((last - first) // MINUTE + 1)], counts


def _plot_of_lag(lag: Mapping[int, int]) -> Plot:
    labels = [str(number) for number in lag]
    return Plot(
        "Messages that wait, by partition", "Partition", labels, {"waiting": [*lag.values()]}
    )


def _plot_of_outcomes(minutes: Sequence[datetime], counts: Iterable[Count]) -> Plot:
    found = {(count.minute, count.outcome): count.messages for count in counts}
    series = {
        str(outcome): [found.get((minute, outcome), 0) for minute in minutes] for outcome in Outcome
    }
    return Plot("Events per minute, by outcome", "Minute (UTC)", _labels(minutes), series)


def _plot_of_ages(minutes: Sequence[datetime], counts: Iterable[Count], now: datetime) -> Plot:
    """How long ago, at the end of each minute, the newest message was recorded; in minutes."""
    earlier = EventLog.objects.filter(recorded_at__lt=minutes[0]).order_by("-recorded_at")
    newest = earlier.values_list("recorded_at", flat=True).first()
    newest_of = {count.minute: count.newest for count in sorted(counts, key=lambda c: c.newest)}
    ages = []
    for minute in minutes:
        newest = newest_of.get(minute, newest)
        age = min(minute + MINUTE, now) - newest if newest else timedelta()
        ages.append(round(age / MINUTE, 1))
    title = "Age of the newest event at the end of each minute, in minutes"
    return Plot(title, "Minute (UTC)", _labels(minutes), {"age": ages})


def _labels(minutes: Iterable[datetime]) -> list[str]:
    return [f"{minute:%H:%M}" for minute in minutes]


def _delay(event: EventLog) -> str:
    """From the change of the user until it was recorded here."""
    if event.event_time is None:
        return ""
    return f"{(event.recorded_at - event.event_time).total_seconds():.2f} s"
