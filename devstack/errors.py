"""The one error of this package."""


class DevstackError(Exception):
    """Something a person has to put right. Its text is one line that says what to do."""
