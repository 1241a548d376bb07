from django.urls import path, re_path
from rest_framework.routers import SimpleRouter

from notes import bulk, tags, trash, versions, views
from notes.serializers import ID

router = SimpleRouter()
router.register("notes", views.NoteViewSet, basename="note")

_NOTE = rf"^notes/(?P<pk>{ID})"
_TRASHED = rf"^trash/(?P<pk>{ID})"
_VERSION = rf"{_NOTE}/versions/(?P<number>[1-9][0-9]{{0,9}})"

urlpatterns = [
    path("notes/bulk/", bulk.BulkView.as_view(), name="note-bulk"),
    *router.urls,
    re_path(rf"{_NOTE}/versions/$", versions.VersionList.as_view(), name="version-list"),
    re_path(rf"{_VERSION}/$", versions.VersionDetail.as_view(), name="version-detail"),
    re_path(rf"{_VERSION}/restore/$", versions.VersionRestore.as_view(), name="version-restore"),
    path("trash/", trash.TrashList.as_view(), name="trash-list"),
    re_path(rf"{_TRASHED}/$", trash.TrashDetail.as_view(), name="trash-detail"),
    re_path(rf"{_TRASHED}/restore/$", trash.TrashRestore.as_view(), name="trash-restore"),
    path("tags/", tags.TagList.as_view(), name="tag-list"),
    # A name may hold a slash.
    path("tags/<path:name>/", tags.TagDetail.as_view(), name="tag-detail"),
]
