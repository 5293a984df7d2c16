"""App configuration of identities."""

from __future__ import annotations

from django.apps import AppConfig


class IdentitiesConfig(AppConfig):
    """Workspaces, API keys, identities."""

    name = "identities"
