from django.urls import path

from accounts import export, recovery_views, session_views, token_views, views

urlpatterns = [
    path("users/", views.UserList.as_view(), name="users"),
    path("users/me/", views.Me.as_view(), name="me"),
    path("users/me/password/", views.Password.as_view(), name="password"),
    path("users/me/export/", export.Export.as_view(), name="export"),
    path("users/<uuid:pk>/", views.UserDetail.as_view(), name="user"),
    path("auth/token/", token_views.SignIn.as_view(), name="token"),
    path("auth/token/refresh/", token_views.Refresh.as_view(), name="token-refresh"),
    path("auth/logout/", token_views.Logout.as_view(), name="token-logout"),
    path("auth/logout-all/", session_views.LogoutAll.as_view(), name="logout-all"),
    path("auth/sessions/", session_views.SessionList.as_view(), name="sessions"),
    path("auth/sessions/<uuid:pk>/", session_views.SessionDetail.as_view(), name="session"),
    path("auth/password-reset/", recovery_views.PasswordReset.as_view()),
    path("auth/password-reset/confirm/", recovery_views.PasswordResetConfirm.as_view()),
    path("auth/email-verification/", recovery_views.AddressVerification.as_view()),
    path("auth/email-verification/confirm/", recovery_views.AddressVerificationConfirm.as_view()),
]
