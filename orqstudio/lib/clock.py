"""The wall clock, read at the edges only and passed down from there."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the current instant, aware, in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - the one place that reads the clock
