"""Addresses of the identity resource, below /v2/."""

from __future__ import annotations

from django.urls import path

from identities.api import IdentityDetail, IdentityList
from identities.api_keys.views import (
    KeyCapabilities,
    KeyDetail,
    KeyList,
    KeyRotation,
)
from identities.contacts import ContactDetail, ContactList

urlpatterns = [
    path("api-keys", KeyList.as_view()),
    path("api-keys/capabilities", KeyCapabilities.as_view()),
    path("api-keys/<str:api_key_id>", KeyDetail.as_view()),
    path("api-keys/<str:api_key_id>/rotate", KeyRotation.as_view()),
    path("identities", IdentityList.as_view()),
    # Greedy: the Python client sends the slashes of an external_id as they are.
    path("identities/<path:ref>", IdentityDetail.as_view()),
    path("contacts", ContactList.as_view()),
    path("contacts/<path:ref>", ContactDetail.as_view()),
]
