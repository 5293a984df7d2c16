"""Every address that Django answers; metered calls are in `metering.gateway`."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.contrib.auth import views as auth
from django.urls import include, path
from django.views.generic import RedirectView

from identities.views.person import SignIn
from orqstudio import health
from orqstudio.openapi import views as openapi

_to_studio = RedirectView.as_view(url=settings.LOGIN_REDIRECT_URL)

urlpatterns = [
    path("", _to_studio, name="home"),
    path("studio", _to_studio),
    path("studio/", _to_studio, name="studio"),
    path("studio/", include("identities.studio_urls")),
    path("studio/", include("metering.studio_urls")),
    path("v2/", include("orqstudio.openapi.urls")),
    path("v2/", include("identities.urls")),
    path("v2/", include("metering.urls")),
    path(
        "accounts/login/",
        SignIn.as_view(),
        name="login",
    ),
    path("accounts/logout/", auth.LogoutView.as_view(), name="logout"),
    path("admin", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/", admin.site.urls),
    path("docs", openapi.docs, name="docs"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
]

handler400 = "orqstudio.error_pages.bad_request"
handler403 = "orqstudio.error_pages.permission_denied"
handler404 = "orqstudio.error_pages.page_not_found"
handler500 = "orqstudio.error_pages.server_error"
