"""What the middleware noted of a request: its one instant and its id."""

from __future__ import annotations

from datetime import datetime

from django.http import HttpRequest
from rest_framework.request import Request


def instant_of(request: HttpRequest | Request) -> datetime:
    """Return the instant, aware UTC, that was taken once for the request."""
    moment: datetime = request.now  # type: ignore[union-attr]
    return moment


def id_of(request: HttpRequest | Request) -> str:
    """Return the request's ULID; empty before the middleware has seen it."""
    return str(getattr(request, "id", ""))
