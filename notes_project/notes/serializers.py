"""What the API takes, and how the browsable API and OpenAPI show it. Answers are dictionaries."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.fields import empty
from rest_framework.settings import api_settings
from rest_framework.utils import html

from config.parsers import require_body
from notes.blocks import CanonicalDocument
from notes.fields import (
    MAX_CONTENT_BYTES,
    MAX_TAGS,
    Content,
    OtherFormat,
    PatchedContent,
    TagName,
    TagNames,
    Title,
)
from notes.merge_patch import ContentPatch
from notes.models import BLOCKS, CONTENT_FORMATS, DEFAULT_TITLE, TEXT
from notes.tag_names import MAX_LENGTH

ID = "[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


_OBJECT = "Give an object."


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses what it does not take: ignored, a client would think it had been stored."""

    default_error_messages = {"invalid": _OBJECT}

    def run_validation(self, data: Any = empty) -> Any:
        if data is None:
            # DRF would say that there was nothing.
            detail = {api_settings.NON_FIELD_ERRORS_KEY: [_OBJECT]}
            raise ValidationError(detail, "null")
        return super().run_validation(data)

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
        for name in islice((name for name in data if name not in known), 10):
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
        """With the content, its format; a format alone is that of the content that there is."""
        if "content" not in attrs:
            return attrs
        content, stated = attrs["content"], attrs.get("content_format")
        is_document = isinstance(content, CanonicalDocument | ContentPatch)
        attrs["content_format"] = BLOCKS if is_document else TEXT
        attrs["content"] = str(content) if isinstance(content, str) else content
        if stated and stated != attrs["content_format"]:
            raise OtherFormat
        return attrs


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
