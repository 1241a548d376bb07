"""Tags in the admin: those of everybody."""

from __future__ import annotations

import time
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import helpers
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.expressions import RawSQL
from django.http import HttpRequest, HttpResponse
from django.template.defaultfilters import pluralize
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html

from config.admin_lists import CappedAdmin
from notes.models import Note, NoteTag, Tag
from notes.tag_changes import Unfinished, delete_orphans, merge_tag
from notes.tag_names import InvalidTagName, normalise
from notes.write import LONGEST

# As many as stand on a page of the list.
MAX_MERGED = 100


def _of_links(what: str) -> RawSQL:
    """The count of this among the links of a row of tags."""
    sql = f"SELECT count({what}) FROM note_tags WHERE tag_id = tags.id"  # noqa: S608 - constants
    return RawSQL(sql, (), models.IntegerField())  # noqa: S611


def _notes(count: int) -> str:
    return f"{count:,} note{pluralize(count)}"


class TagForm(forms.ModelForm[Tag]):
    class Meta:
        model = Tag
        fields = ("name",)

    def clean_name(self) -> str:
        try:
            return normalise(self.cleaned_data["name"])
        except InvalidTagName as error:
            raise ValidationError(str(error)) from None


class MergeForm(forms.Form):
    target = forms.ModelChoiceField(
        Tag.objects.all(),
        label="Into",
        widget=AutocompleteSelect(Note._meta.get_field("tags"), admin.site),
    )


class UseFilter(admin.SimpleListFilter):
    title = "use"
    parameter_name = "used"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", "On a note"), ("no", "On no note")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Tag]) -> QuerySet[Tag]:
        if self.value() in ("yes", "no"):
            links = Exists(NoteTag.objects.filter(tag=OuterRef("pk")))
            return queryset.filter(links if self.value() == "yes" else ~links)
        return queryset


class TagAdmin(CappedAdmin[Tag]):
    form = TagForm
    list_display = ("name", "notes_count", "users_count")
    list_filter = (UseFilter,)
    search_fields = ("name",)
    ordering = ("name",)
    actions = ("merge", "delete_unused")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Tag]:
        tags = super().get_queryset(request)
        # For the list alone: choosing a tag asks at each key that is pressed.
        if request.resolver_match and request.resolver_match.url_name == "notes_tag_changelist":
            # For each row that is shown: joined and grouped, or sorted by, the links of all tags
            # would be read.
            users = _of_links("DISTINCT user_id")
            return tags.annotate(notes_count=_of_links("*"), users_count=users)
        return tags

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Django sees nothing that depends on a tag: the database cascades by itself."""
        shown, *rest = super().get_deleted_objects(objs, request)
        links = NoteTag.objects.filter(tag__in=objs).count()
        return [*shown, f"It goes from {_notes(links)}."], *rest

    @admin.action(description="Merge the selected tags into one", permissions=["delete"])
    def merge(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        """Asks into which one, and does it when that is told."""
        tags = list(queryset[: MAX_MERGED + 1])
        if len(tags) > MAX_MERGED:
            self.message_user(request, f"Merge {MAX_MERGED} tags at most.", messages.ERROR)
            return None
        form = MergeForm(request.POST if "target" in request.POST else None)
        if form.is_valid():
            target = form.cleaned_data["target"]
            self._merge(request, [tag for tag in tags if tag != target], target)
            return None
        context = {
            **self.admin_site.each_context(request),
            "title": "Merge tags",
            "opts": self.opts,
            "media": self.media + form.media,
            "tags": tags,
            "form": form,
            "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/notes/tag/merge.html", context)

    def _merge(self, request: HttpRequest, tags: list[Any], target: Tag) -> None:
        """One after another: where one fails, those before it are done."""
        end = time.monotonic() + LONGEST
        for tag in tags:
            try:
                use = merge_tag(tag.pk, target.pk, end)
            except Tag.DoesNotExist:
                text = f"“{tag}” or “{target}” is gone: somebody was faster."
                self.message_user(request, text, messages.ERROR)
                continue
            except Unfinished as error:
                text = (
                    f"“{tag}” is now “{target}” on {_notes(sum(error.use))}, and on others not yet."
                    " Merge again, and it goes on."
                )
                self.message_user(request, text, messages.WARNING)
                return
            self._log_deletions(request, [tag])
            text = f"Merged “{tag}” into “{target}” on {_notes(sum(use))}."
            self.log_change(request, target, text)
            self.message_user(request, text, messages.SUCCESS)

    @admin.action(
        description="Delete those of the selected tags that no note has", permissions=["delete"]
    )
    def delete_unused(self, request: HttpRequest, queryset: QuerySet[Any]) -> None:
        tags = {tag.pk: tag for tag in queryset}
        deleted = [tags[key] for key in delete_orphans(tags)]
        self._log_deletions(request, deleted)
        self.message_user(request, f"Deleted: {len(deleted)}.", messages.SUCCESS)

    def _log_deletions(self, request: HttpRequest, deleted: Any) -> None:
        """As Django's own, which are of a query: these are gone already."""
        if deleted:
            self.log_deletions(request, deleted)

    @admin.display(description="notes")
    def notes_count(self, tag: Any) -> str:
        url = reverse("admin:notes_note_changelist")
        return format_html('<a href="{}?tag={}">{}</a>', url, tag.pk, tag.notes_count)

    @admin.display(description="users")
    def users_count(self, tag: Any) -> int:
        count: int = tag.users_count
        return count
