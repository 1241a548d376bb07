"""JSON merge patches (RFC 7396), which ``PATCH`` takes, also as plain JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import orjson
from rest_framework import status
from rest_framework.exceptions import ValidationError
from rest_framework.views import APIView

from config.parsers import JSONParser


class MergePatchParser(JSONParser):
    media_type = "application/merge-patch+json"


# RFC 5789, section 3.1.
ACCEPT_PATCH = f"{MergePatchParser.media_type}, {JSONParser.media_type}"


class MergePatched(APIView):
    # A view whose PATCH takes a merge patch, and says so. A docstring would be shown as the view's.

    def get_parsers(self) -> list[Any]:
        patching = [MergePatchParser()] if self.request and self.request.method == "PATCH" else []
        return [*super().get_parsers(), *patching]

    @property
    def default_response_headers(self) -> dict[str, str]:
        patch = {"Accept-Patch": ACCEPT_PATCH} if "PATCH" in self.allowed_methods else {}
        return {**super().default_response_headers, **patch}


def merge(target: Any, patch: Any) -> Any:
    """Section 2 of the RFC."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        else:
            merged[name] = merge(merged.get(name), value)
    return merged


class NoDocument(ValidationError):
    """The patch is one, but with the content that there is it makes no document (RFC 5789, 2.2)."""

    status_code = status.HTTP_422_UNPROCESSABLE_ENTITY


class ContentPatch(NamedTuple):
    """A patch of a block document. What comes of it is known once the note's row is locked.

    Args:
        validate: returns a document as it is stored, or raises ValidationError.
    """

    patch: dict[str, Any]
    validate: Callable[[Any], str]

    def applied_to(self, document: str | None) -> str:
        """Returns the document as it is stored. Raises NoDocument.

        Args:
            document: as it is stored; None where the note has text.
        """
        merged = merge(orjson.loads(document) if document else None, self.patch)
        try:
            return str(self.validate(merged))
        except ValidationError as error:
            raise NoDocument({"content": error.detail}) from None
