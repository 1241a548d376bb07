"""The fields of a note: what the API takes, how a form has it, what OpenAPI says of it."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty
from rest_framework.utils import html

from config import strict_json
from config.errors import Pointer
from notes import blocks
from notes.block_types import MAX_BYTES
from notes.invisible import IGNORABLE, shows_nothing
from notes.merge_patch import ContentPatch
from notes.models import BLOCKS, TEXT
from notes.tag_names import WHITE_SPACE, InvalidTagName, normalise

MAX_TITLE = 500
MAX_TAGS = 50
MAX_CONTENT_BYTES = MAX_BYTES


class Text(serializers.CharField):
    """A string; DRF's own field also takes a number for one."""

    default_error_messages = {"invalid": "Give a string."}

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class OtherFormat(ValidationError):
    def __init__(self) -> None:
        detail = "This is not what the content is: blocks are an object, text is a string."
        super().__init__({"content_format": [detail]}, "mismatch")


class _Typed(str):
    """A block document as somebody typed it into a form, as JSON."""


class _Shown(dict[str, Any]):
    """As text, what a form shows of a block document."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False, indent=2)


def typed_text(value: str, note: Any) -> str | None:
    """What somebody typed into a textarea as the text of ``note``; None: of a new one.

    A browser sends line ends as CRLF, whatever they were, and cannot show that there is no text. A
    text that nobody touched stays as it is.
    """
    typed = _with_newlines(value)
    if note is None or note.content_format != TEXT or typed != _with_newlines(note.content or ""):
        return typed
    kept: str | None = note.content
    return kept


def _with_newlines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")


# Of characters, as JSON Schema counts, there can be no more than bytes. Null comes from allow_null.
_PLAIN = {"type": "string", "maxLength": MAX_CONTENT_BYTES, "pattern": "^[^\\u0000]*$"}


@extend_schema_field({"oneOf": [_PLAIN, {"$ref": "#/components/schemas/BlockDocument"}]})
class Content(Text):
    """Text, or a block document; valid is the text, or the document's canonical JSON."""

    default_error_messages = {"invalid": "Give a string or an object."}

    def get_value(self, dictionary: Mapping[Any, Any]) -> Any:
        value = super().get_value(dictionary)
        if html.is_html_input(dictionary) and isinstance(value, str):
            blocks_chosen = dictionary.get("content_format") == BLOCKS
            return (
                _Typed(_with_newlines(value))
                if blocks_chosen
                else typed_text(value, self.root.instance)
            )
        return value

    def to_internal_value(self, data: Any) -> str:
        try:
            if isinstance(data, _Typed):
                data = strict_json.loads(data)
                if not isinstance(data, dict):
                    self.fail("invalid")
            if isinstance(data, dict):
                return blocks.canonical(data)
        except strict_json.InvalidJSON as error:
            raise ValidationError({error.place or Pointer(): [error.detail]}, error.code) from None
        except blocks.InvalidDocument as error:
            details: dict[str, list[str]] = {
                place: [ErrorDetail(detail, code)] for place, (code, detail) in error.errors.items()
            }
            raise ValidationError(details) from None
        return super().to_internal_value(data)

    def to_representation(self, value: Any) -> Any:
        return _Shown(value) if isinstance(value, dict) else value


@extend_schema_field({"$ref": "#/components/schemas/TagName"})
class TagName(Text):
    def to_internal_value(self, data: Any) -> str:
        try:
            return normalise(super().to_internal_value(data))
        except InvalidTagName as error:
            raise ValidationError(str(error)) from None


class BoundedList(serializers.ListField):
    """Refused where it is too long before each member is looked at: a body has room for millions of
    them, each with its error."""

    def to_internal_value(self, data: Any) -> list[Any]:
        if self.max_length and isinstance(data, list) and len(data) > self.max_length:
            self.fail("max_length", max_length=self.max_length)
        return super().to_internal_value(data)


class _Names(list[str]):
    """As text, one line with commas between; a name that has one itself stands in quotes."""

    def __str__(self) -> str:
        return ", ".join(
            '"' + name.replace('"', '""') + '"' if set(name) & {",", '"'} else name for name in self
        )


def _split(line: str) -> list[str]:
    try:
        return next(csv.reader([line], skipinitialspace=True), [])
    except csv.Error:
        return [line]


class TagNames(BoundedList):
    """A list of names; in a form, commas between them, the field repeated, or both."""

    child = TagName()
    initial = _Names()

    def get_value(self, dictionary: Mapping[Any, Any]) -> Any:
        if not html.is_html_input(dictionary):
            return super().get_value(dictionary)
        if self.field_name not in dictionary:
            return empty if getattr(self.root, "partial", False) else _Names()
        lines = dictionary.getlist(self.field_name)  # type: ignore[attr-defined]
        return _Names(name for line in lines for name in _split(str(line)) if name.strip())

    def to_internal_value(self, data: Any) -> list[str]:
        return sorted(set(super().to_internal_value(data)))

    def to_representation(self, data: list[str]) -> list[str]:
        return _Names(data)


# Something is seen of it.
@extend_schema_field(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_TITLE,
        "pattern": rf"^(?![{WHITE_SPACE}{IGNORABLE}]*$)[^\u0000]*$",
    }
)
class Title(Text):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TITLE, **kwargs)

    def run_validation(self, data: Any = empty) -> Any:
        blank = isinstance(data, str) and shows_nothing(data)
        return super().run_validation("" if blank else data)


@extend_schema_field(
    {
        "anyOf": [
            _PLAIN,
            {"$ref": "#/components/schemas/BlockDocument"},
            {"$ref": "#/components/schemas/BlockDocumentPatch"},
        ]
    }
)
class PatchedContent(Content):
    """Of an object, what is to be merged into the document that there is."""

    def run_validation(self, data: Any = empty) -> Any:
        if not isinstance(data, dict):
            return super().run_validation(data)
        return ContentPatch(data, super().run_validation)
