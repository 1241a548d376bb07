from django.urls import path, re_path

from notes.serializers import ID
from pages import editing, lists, moving
from pages.applied import Applied

_NOTE = rf"^(?P<pk>{ID})"
_TRASHED = rf"^trash/(?P<pk>{ID})"
_VERSION = rf"{_NOTE}/history/(?P<number>[1-9][0-9]{{0,9}})"

urlpatterns = [
    path("", lists.NotesPage.as_view(), name="page-notes"),
    path("new/", editing.NewNote.as_view(), name="page-new"),
    re_path(rf"{_NOTE}/$", editing.NotePage.as_view(), name="page-note"),
    re_path(rf"{_NOTE}/archive/$", editing.Archive.as_view(), name="page-archive"),
    re_path(
        rf"{_NOTE}/unarchive/$", editing.Archive.as_view(archived=False), name="page-unarchive"
    ),
    re_path(rf"{_NOTE}/trash/$", editing.MoveToTrash.as_view(), name="page-move-to-trash"),
    re_path(rf"{_NOTE}/history/$", lists.History.as_view(), name="page-history"),
    re_path(rf"{_VERSION}/$", lists.Version.as_view(), name="page-version"),
    path("trash/", lists.Trash.as_view(), name="page-trash"),
    re_path(rf"{_TRASHED}/$", lists.TrashedNote.as_view(), name="page-trashed"),
    re_path(rf"{_TRASHED}/restore/$", lists.RestoreNote.as_view(), name="page-restore"),
    re_path(rf"{_TRASHED}/delete/$", lists.DeleteNote.as_view(), name="page-delete"),
    path("import/", moving.ImportPage.as_view(), name="page-import"),
    path("export/", moving.ExportPage.as_view(), name="page-export"),
    path("applied/", Applied.as_view(), name="page-applied"),
    path("signed-in/", moving.SignedIn.as_view(), name="page-signed-in"),
]
