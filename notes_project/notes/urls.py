from django.urls import path
from rest_framework.routers import SimpleRouter

from notes import views

router = SimpleRouter()
router.register("notes", views.NoteViewSet, basename="note")

urlpatterns = [
    *router.urls,
    path("tags/", views.TagList.as_view(), name="tag-list"),
    # A name may hold a slash.
    path("tags/<path:name>/", views.TagDetail.as_view(), name="tag-detail"),
]
