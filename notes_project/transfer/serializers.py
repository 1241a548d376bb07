"""How the browsable API and OpenAPI show an import."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from transfer.report import CHANGED, COMPLETED, LOST, REFUSED


@extend_schema_field(
    {"type": "array", "items": {"type": "string", "format": "binary"}, "minItems": 1}
)
class Files(serializers.FileField):
    """A form's field that may be repeated."""


class ImportSerializer(serializers.Serializer[Any]):
    file = Files(
        style={"multiple": True},
        help_text="JSON lines, or one or more archives; repeated for several.",
    )
    dry_run = serializers.BooleanField(required=False, help_text="In place of the parameter.")


class ReportLineSerializer(serializers.Serializer[Any]):
    source = serializers.CharField(  # type: ignore[assignment]
        help_text="Where in the upload."
    )
    outcome = serializers.ChoiceField([COMPLETED, CHANGED, REFUSED, LOST])
    reason = serializers.CharField(help_text="For the person whose notes they are.")


class ReportSerializer(serializers.Serializer[Any]):
    format = serializers.CharField(help_text="What the upload was taken for.")
    dry_run = serializers.BooleanField()
    created = serializers.IntegerField(help_text="Notes that are new; in a dry run, would be.")
    completed = serializers.IntegerField(
        help_text="Notes of an earlier import of less that have now what was missing."
    )
    unchanged = serializers.IntegerField(help_text="Items that are here already.")
    changed = serializers.IntegerField(
        help_text="Items that are here otherwise, or in the trash: they stay as they are."
    )
    refused = serializers.IntegerField(help_text="Items that cannot be taken.")
    lost = serializers.IntegerField(help_text="Parts without which an item is taken.")
    report = ReportLineSerializer(
        many=True,
        help_text="A line for each of the last three, and for what was moved to the trash, in the"
        " order of the upload.",
    )
