from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.widgets import AdminTextareaWidget, AutocompleteSelectMultiple
from django.core.exceptions import ValidationError
from django.db.models import BooleanField, Q, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest
from django.utils.html import format_html_join

from config import strict_json
from config.admin_lists import CappedAdmin
from notes import asked, blocks
from notes.fields import MAX_TAGS, typed_text
from notes.models import BLOCKS, Note, NoteQuerySet, Tag
from notes.search import find_ids
from notes.tag_admin import TagAdmin
from notes.write import BATCH

# The last ones, on the page of a note.
MAX_VERSIONS = 50


class NoteForm(forms.ModelForm[Note]):
    # Not the model's own field: Django's admin takes none whose table has a key of two columns.
    tag_choice = forms.ModelMultipleChoiceField(
        Tag.objects.all(),
        label="Tags",
        required=False,
        widget=AutocompleteSelectMultiple(Note._meta.get_field("tags"), admin.site),
    )

    content = forms.CharField(required=False, strip=False, widget=AdminTextareaWidget)

    class Meta:
        model = Note
        fields = ("user", "title", "content", "content_format", "is_archived")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.instance._state.adding:
            self.initial["tag_choice"] = self.instance.tags.all()

    def clean(self) -> dict[str, Any]:
        """What is to be a block document is one, and is kept in its one form."""
        data = super().clean() or {}
        if data.get("content_format") == BLOCKS and "content" in data:
            try:
                data["content"] = blocks.canonical(strict_json.loads(data["content"] or ""))
            except strict_json.InvalidJSON as error:
                self.add_error("content", error.detail)
            except blocks.InvalidDocument as error:
                lines = [f"{place}: {detail}" for place, (_, detail) in error.errors.items()]
                self.add_error("content", lines)
        return data

    def clean_content(self) -> str | None:
        return typed_text(self.cleaned_data["content"], self.instance)

    def clean_tag_choice(self) -> QuerySet[Tag]:
        tags: QuerySet[Tag] = self.cleaned_data["tag_choice"]
        if len(tags) > MAX_TAGS:
            raise ValidationError(f"A note may have {MAX_TAGS} tags at most.")
        return tags


class TrashFilter(admin.SimpleListFilter):
    title = "trash"
    parameter_name = "trash"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", "Not in the trash"), ("yes", "In the trash")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "yes":
            # As the index of what is in the trash has it.
            return queryset.filter(RawSQL("notes.deleted_at > '-infinity'", (), BooleanField()))
        return queryset.filter(deleted_at=None) if self.value() == "no" else queryset


class TagFilter(admin.SimpleListFilter):
    """By the one tag that the list of tags leads from: there are too many to offer all."""

    title = parameter_name = "tag"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        key = self.value()
        if not key:
            return []
        try:
            tag = Tag.objects.filter(pk=key).first()
        except ValidationError:
            raise IncorrectLookupParameters from None
        return [(key, tag.name if tag else "One that is gone")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(tags=self.value()) if self.value() else queryset


@admin.register(Note)
class NoteAdmin(CappedAdmin[Note]):
    form = NoteForm
    readonly_fields = ("created_at", "updated_at", "deleted_at", "former_states")
    fields = ("user", "title", "content", "content_format", "tag_choice", "is_archived")
    autocomplete_fields = ("user",)
    list_display = ("title", "user", "is_archived", "updated_at", "deleted_at")
    list_filter = (TrashFilter, TagFilter, "is_archived", "updated_at")
    list_select_related = ("user",)
    # Django shows a line to search with where there is any; `get_search_results` is what searches.
    search_fields = ("id",)
    search_help_text = (
        "The id of a note or of a user; after that of a user, what is to be found in the user's"
        " notes, as in the API."
    )
    ordering = ("-updated_at", "-id")
    sortable_by = ("updated_at",)  # by the one index of the notes of all
    actions: tuple[Any, ...] = ("archive", "unarchive")

    def get_fields(self, request: HttpRequest, obj: Note | None = None) -> Any:
        """Of a note that is not made yet, without what the database makes."""
        return (*self.fields, *self.readonly_fields) if obj else self.fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Note]:
        notes = super().get_queryset(request)
        # The list, and its actions, show no content, which may have a megabyte each.
        if request.resolver_match and request.resolver_match.url_name == "notes_note_changelist":
            return notes.defer("content", "excerpt")
        return notes

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """What an index knows: that of the text has each user's words by themselves."""
        key, _, line = search_term.strip().partition(" ")
        if not key:
            return queryset, False
        try:
            owner = UUID(key)
            if not line:
                return queryset.filter(Q(pk=owner) | Q(user=owner)), False
            found = RawSQL("SELECT unnest(%s::uuid[])", [find_ids(owner, asked.parse(line))])
        except asked.NothingAsked as error:
            self.message_user(request, str(error), messages.WARNING)
        except ValueError:
            self.message_user(request, "The first word is no id.", messages.WARNING)
        else:
            return queryset.filter(pk__in=found), False
        return queryset.none(), False

    def save_model(self, request: HttpRequest, obj: Note, form: Any, change: bool) -> None:
        if change and set(form.cleaned_data["tag_choice"]) != set(obj.tags.all()):
            obj.version += 1  # The trigger keeps the former tags with the former text.
        super().save_model(request, obj, form, change)

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        form.instance.tags.set(form.cleaned_data["tag_choice"])

    @admin.display(description="former states")
    def former_states(self, note: Note) -> str:
        rows = note.versions.order_by("-number")[:MAX_VERSIONS].values()
        row = "<details><summary>{} · {} · {} · {}</summary><pre>{}</pre></details>"
        return format_html_join(
            "",
            row,
            (
                (
                    version["number"],
                    version["updated_at"],
                    version["title"],
                    ", ".join(version["tags"]),
                    version["content"] or "",
                )
                for version in rows
            ),
        )

    @admin.action(description="Archive the selected notes", permissions=["change"])
    def archive(self, request: HttpRequest, queryset: NoteQuerySet) -> None:
        self.message_user(request, f"Archived: {_set_archived(queryset, True)}.", messages.SUCCESS)

    @admin.action(description="Bring the selected notes back", permissions=["change"])
    def unarchive(self, request: HttpRequest, queryset: NoteQuerySet) -> None:
        count = _set_archived(queryset, False)
        self.message_user(request, f"Brought back: {count}.", messages.SUCCESS)


def _set_archived(notes: NoteQuerySet, archived: bool) -> int:
    """In pieces: a statement has ten seconds."""
    ids = list(notes.values_list("pk", flat=True))
    pieces = (ids[start : start + BATCH] for start in range(0, len(ids), BATCH))
    return sum(Note.objects.filter(pk__in=piece).set_archived(archived) for piece in pieces)


admin.site.register(Tag, TagAdmin)
