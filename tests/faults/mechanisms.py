"""The mechanisms that the rows cover, each as a function that switches it off in its own process.

`tests.faults.child` calls it in the process of the part that `off_in` names.
"""

_PARTS = {}


def off_in(part):
    """Says in which part's process a mechanism is switched off."""

    def register(function):
        _PARTS[function.__name__] = part
        return function

    return register


def part_of(name):
    return _PARTS[name]


@off_in("relay")
def acknowledgement():
    """Rows leave the outbox when they are read."""
    from outbox.models import OutboxEvent, OutboxQuerySet

    first_pending = OutboxQuerySet.first_pending

    def read_and_delete(self, limit, **options):
        rows = first_pending(self, limit, **options)
        OutboxEvent.objects.filter(position__in=[row.position for row in rows]).delete()
        return rows

    OutboxQuerySet.first_pending = read_and_delete
