from django.urls import path

from accounts import token_views, views

urlpatterns = [
    path("users/", views.UserList.as_view(), name="users"),
    path("users/me/", views.Me.as_view(), name="me"),
    path("users/me/password/", views.Password.as_view(), name="password"),
    path("users/<uuid:pk>/", views.UserDetail.as_view(), name="user"),
    path("auth/token/", token_views.SignIn.as_view(), name="token"),
    path("auth/token/refresh/", token_views.Refresh.as_view(), name="token-refresh"),
    path("auth/logout/", token_views.Logout.as_view(), name="token-logout"),
]
