"""What the API takes, and how the browsable API and OpenAPI show it. Answers are dictionaries."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema_field, extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty
from rest_framework.utils import html

from config import strict_json
from config.errors import Pointer
from config.parsers import require_body
from notes import blocks
from notes.merge_patch import ContentPatch
from notes.models import BLOCKS, CONTENT_FORMATS, DEFAULT_TITLE, TEXT
from notes.tag_names import MAX_LENGTH, WHITE_SPACE, InvalidTagName, normalise

ID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
MAX_TITLE = 500
MAX_TAGS = 50
MAX_CONTENT_BYTES = blocks.MAX_BYTES


class Text(serializers.CharField):
    """A string; DRF's own field also takes a number for one."""

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.fail("invalid")
        return super().to_internal_value(data)


class _Typed(str):
    """A block document as somebody typed it into a form, as JSON."""


class _Shown(dict[str, Any]):
    """As text, what a form shows of a block document."""

    def __str__(self) -> str:
        return json.dumps(self, ensure_ascii=False, indent=2)


# Of characters, as JSON Schema counts, there can be no more than bytes. Null comes from allow_null.
_PLAIN = {"type": "string", "maxLength": MAX_CONTENT_BYTES, "pattern": "^[^\\u0000]*$"}


@extend_schema_field({"oneOf": [_PLAIN, {"$ref": "#/components/schemas/BlockDocument"}]})
class Content(Text):
    """Text, or a block document; valid is the text, or the document's canonical JSON."""

    def get_value(self, dictionary: Mapping[Any, Any]) -> Any:
        value = super().get_value(dictionary)
        if html.is_html_input(dictionary) and isinstance(value, str):
            # A browser sends a textarea's line ends as CRLF, whatever they were.
            value = value.replace("\r\n", "\n")
            return _Typed(value) if dictionary.get("content_format") == BLOCKS else value
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


class TagNames(serializers.ListField):
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


# Something is left where white space is trimmed.
@extend_schema_field(
    {
        "type": "string",
        "minLength": 1,
        "maxLength": MAX_TITLE,
        "pattern": rf"^(?![{WHITE_SPACE}]*$)[^\u0000]*$",
    }
)
class Title(Text):
    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=MAX_TITLE, **kwargs)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses what it does not take: ignored, a client would think it had been stored."""

    def to_internal_value(self, data: Any) -> Any:
        require_body(self.context["request"])
        if isinstance(data, Mapping):
            self._refuse_unknown(data)
        return super().to_internal_value(data)

    def _refuse_unknown(self, data: Mapping[Any, Any]) -> None:
        known = {name for name, field in self.fields.items() if not field.read_only}
        if html.is_html_input(data):
            known.add("csrfmiddlewaretoken")
        errors = {}
        for name in sorted(set(data) - known)[:10]:
            shown = name[:100]
            if name in self.fields:
                errors[shown] = [ErrorDetail("This field cannot be set.", "read_only")]
            else:
                errors[shown] = [ErrorDetail("There is no such field.", "unknown")]
        if errors:
            raise ValidationError(errors)


def _validate_size(content: str) -> None:
    if len(content.encode(errors="surrogatepass")) > MAX_CONTENT_BYTES:
        raise ValidationError(
            f"The content may have {MAX_CONTENT_BYTES:,} bytes at most.", "max_bytes"
        )


_CONTENT: dict[str, Any] = {
    "allow_null": True,
    "allow_blank": True,
    "trim_whitespace": False,
    "default": None,
    "validators": [_validate_size],
    "style": {"base_template": "text_to_the_letter.html", "rows": 12},
    "help_text": f"Text, or a block document; {MAX_CONTENT_BYTES:,} bytes of UTF-8 at most.",
}


class NoteSerializer(StrictSerializer):
    """A note; its tags are sorted."""

    id = serializers.UUIDField(read_only=True)
    title = Title(default=DEFAULT_TITLE)
    content = Content(**_CONTENT)
    content_format = serializers.ChoiceField(
        CONTENT_FORMATS,
        required=False,
        initial=TEXT,
        style={"of_forms_alone": True},
        help_text="What the content is. Where it is given it must be so; a form is read by it.",
    )
    is_archived = serializers.BooleanField(read_only=True)
    tags = TagNames(
        max_length=MAX_TAGS,
        default=list,
        style={"base_template": "input.html", "input_type": "text"},
        help_text=f"Names of {MAX_LENGTH} characters at most, with commas between them in a form.",
    )
    created_at = serializers.DateTimeField(read_only=True)
    updated_at = serializers.DateTimeField(read_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """With the content, its format."""
        stated = attrs.pop("content_format", None)
        if "content" in attrs:
            content = attrs["content"]
            is_document = isinstance(content, blocks.CanonicalDocument | ContentPatch)
            attrs["content_format"] = BLOCKS if is_document else TEXT
            attrs["content"] = str(content) if isinstance(content, str) else content
        if stated and stated != attrs.get("content_format"):
            detail = "This is not what the content is: blocks are an object, text is a string."
            raise ValidationError({"content_format": [detail]}, "mismatch")
        return attrs


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


@extend_schema_serializer(component_name="Note")
class NotePatchSerializer(NoteSerializer):
    """A merge patch (RFC 7396) of a note, so null stands for the default."""

    title = Title(allow_null=True, required=False)
    content = PatchedContent(**_CONTENT)
    tags = TagNames(max_length=MAX_TAGS, allow_null=True, required=False)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        defaults = {"title": DEFAULT_TITLE, "tags": []}
        nulls = {name: default for name, default in defaults.items() if attrs.get(name, "") is None}
        return super().validate({**attrs, **nulls})


class SegmentSerializer(serializers.Serializer[Any]):
    text = serializers.CharField(help_text="As it is in the note: text, never markup.")
    match = serializers.BooleanField(help_text="Whether it is what was asked for.")


class HighlightSerializer(serializers.Serializer[Any]):
    field = serializers.ChoiceField([("title", "Title"), ("content", "Content")])
    segments = SegmentSerializer(many=True)


class NoteSummarySerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    title = serializers.CharField()
    excerpt = serializers.CharField(
        allow_null=True, help_text="How the content begins; of a block document its text."
    )
    content_format = serializers.ChoiceField(CONTENT_FORMATS)
    is_archived = serializers.BooleanField()
    tags = serializers.ListField(child=TagName())
    created_at = serializers.DateTimeField()
    updated_at = serializers.DateTimeField()
    highlights = HighlightSerializer(
        many=True, required=False, help_text="With `q`: the places where it stands."
    )
