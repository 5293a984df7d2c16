"""Columns that several tables have in common."""

from __future__ import annotations

from django.db import models

from orqstudio.lib.money import USD_DIGITS, USD_PLACES


def usd_field(**options: object) -> models.DecimalField:
    """Return a column of exact US dollars, NUMERIC(20, 10)."""
    return models.DecimalField(
        max_digits=USD_DIGITS,
        decimal_places=USD_PLACES,
        **options,  # type: ignore[arg-type]
    )
