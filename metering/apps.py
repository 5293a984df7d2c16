"""App configuration of metering."""

from __future__ import annotations

from django.apps import AppConfig


class MeteringConfig(AppConfig):
    """Budgets, usage, prices, providers, deployments."""

    name = "metering"
