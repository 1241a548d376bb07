"""Whether a stored position still means something in its partition. No broker in here."""

from __future__ import annotations

RECREATED = (
    "The topic was recreated. Read all of it again with"
    " `manage.py consume_user_events --from-beginning --until-caught-up`."
)
DELETED = (
    "deleted before they were read. Read what is there with"
    " `manage.py consume_user_events --from-beginning --until-caught-up`, then send all users again"
    " with `manage.py republish_users` of users_project."
)


class CannotRead(Exception):
    """The topic cannot be read as it is; the text says what to run."""


def require_inside(partition: str, stored: int, low: int, high: int) -> None:
    """Raises CannotRead where what follows the stored position, 0 for none, is not there."""
    if stored > high:
        raise CannotRead(
            f"The stored position of {partition} is {stored}, beyond the end of the topic, {high}."
            f" {RECREATED}"
        )
    if 0 < stored < low:
        raise CannotRead(f"Messages {stored} to {low - 1} of {partition} were {DELETED}")
