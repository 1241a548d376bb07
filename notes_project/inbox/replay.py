"""Applies single messages once more: dead letters, after what ailed them was mended."""

from __future__ import annotations

from django.db import DataError, IntegrityError, transaction

from inbox.apply import Record, apply_events, read, refused, write_event_log
from inbox.messages import RawMessage
from inbox.models import DeadLetter, Outcome
from users import gate


def apply_again(message: RawMessage) -> Record:
    """Applies a message once more, out of the topic's order; positions stay where they are.

    Returns its record: the outcome is ``dead``, and nothing was written, where it still fails.
    """
    record = read(message)
    if record.event is None:
        return record
    try:
        with transaction.atomic():
            if record.outcome is None:
                apply_events([(record, record.event)])
            write_event_log([record])
    except (DataError, IntegrityError) as error:
        return refused(message, error)
    return record


def replay(letter: DeadLetter) -> Record | None:
    """Applies an open dead letter again, and closes it where that succeeds, in one transaction.

    Returns its record, with the outcome ``dead`` where it still fails; None for one that somebody
    else has closed meanwhile.
    """
    event = read(letter.message()).event
    with transaction.atomic():
        if event is not None:  # First, as in a batch.
            gate.lock_users([event.user_id])
        locked = DeadLetter.objects.open().select_for_update().filter(pk=letter.pk).first()
        if locked is None:
            return None
        record = apply_again(locked.message())
        if record.outcome is not Outcome.DEAD:
            locked.resolve(DeadLetter.Resolution.REPLAYED, f"outcome: {record.outcome}")
        return record
