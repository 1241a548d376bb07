"""The list of notes as Django REST framework's tutorial writes it; a URL configuration for P4."""

from django.urls import include, path
from rest_framework import pagination, renderers, routers, serializers, viewsets

from config.urls import urlpatterns as own
from notes.models import Note, Tag


class TagSerializer(serializers.ModelSerializer):
    class Meta:
        model = Tag
        fields = ["name"]


class NoteSerializer(serializers.ModelSerializer):
    tags = TagSerializer(many=True)

    class Meta:
        model = Note
        fields = ["id", "title", "content", "is_archived", "tags", "created_at", "updated_at"]


class Pages(pagination.PageNumberPagination):
    page_size = 20


class NoteViewSet(viewsets.ModelViewSet):
    serializer_class = NoteSerializer
    pagination_class = Pages
    renderer_classes = [renderers.JSONRenderer]

    def get_queryset(self):
        notes = Note.objects.filter(user=self.request.user, is_archived=False)
        return notes.order_by("-updated_at", "-id").prefetch_related("tags")


router = routers.DefaultRouter()
router.register("plain", NoteViewSet, basename="plain")
urlpatterns = [path("api/v1/", include(router.urls)), *own]
