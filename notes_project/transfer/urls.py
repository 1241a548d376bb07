from django.urls import path

from transfer import views

urlpatterns = [
    path("notes/export/", views.ExportView.as_view(), name="note-export"),
    path("notes/import/", views.ImportView.as_view(), name="note-import"),
]
