"""The project package is an app too: commands, template tags, checks."""

from __future__ import annotations

from django.apps import AppConfig


class OrqstudioConfig(AppConfig):
    """Composition root."""

    name = "orqstudio"
