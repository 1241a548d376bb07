"""``PATCH`` takes JSON merge patches (RFC 7396), also as plain JSON."""

from __future__ import annotations

from config.parsers import JSONParser


class MergePatchParser(JSONParser):
    media_type = "application/merge-patch+json"


# RFC 5789, section 3.1.
ACCEPT_PATCH = f"{MergePatchParser.media_type}, {JSONParser.media_type}"
