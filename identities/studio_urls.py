"""Studio routes of identities, API keys and personal settings."""

from __future__ import annotations

from django.urls import path

from identities.views import keys, listing, person, records

urlpatterns = [
    path("identities/", listing.identity_list, name="identity_list"),
    path("identities/new/", records.identity_new, name="identity_new"),
    path(
        "identities/<str:public_id>/", records.identity_detail, name="identity_detail"
    ),
    path(
        "identities/<str:public_id>/edit/", records.identity_edit, name="identity_edit"
    ),
    path(
        "identities/<str:public_id>/delete/",
        records.identity_delete,
        name="identity_delete",
    ),
    path("keys/", keys.key_list, name="key_list"),
    path("keys/new/", keys.key_new, name="key_new"),
    path("keys/<str:public_id>/revoke/", keys.key_revoke, name="key_revoke"),
    path("theme/", person.choose_theme, name="choose_theme"),
    path("workspace/", person.choose_workspace, name="choose_workspace"),
]
