"""What needs no API key: health, and this document."""

from __future__ import annotations

from orqstudio.openapi.errors import RESOURCE_HEADERS
from orqstudio.openapi.operation import Answer, Family, Parts
from orqstudio.openapi.schema import Schema, one_of, record, ref, text

SERVICE = Family(
    "Service",
    "What needs no API key.",
    headers=RESOURCE_HEADERS,
    errors=frozenset(),
)
OPEN: Parts = {"security": []}


def paths() -> dict[str, Parts]:
    """Return the addresses."""
    return {
        "/healthz": {"get": _healthz() | OPEN},
        "/readyz": {"get": _readyz() | OPEN},
        "/v2/openapi.json": {"get": _document() | OPEN},
    }


def schemas() -> dict[str, Schema]:
    """Return the bodies."""
    return {
        "Healthy": record({"status": one_of(["ok"])}),
        "Unhealthy": record(
            {"status": one_of(["unavailable"]), "message": text("Why.")}
        ),
    }


def _healthz() -> Parts:
    return SERVICE.operation(
        "check_health",
        "Is the process alive?",
        answers={200: Answer("It is.", ref("Healthy"))},
    )


def _readyz() -> Parts:
    return SERVICE.operation(
        "check_readiness",
        "Can it do its work?",
        description="Whether the database can be reached and has all migrations.",
        answers={
            200: Answer("It can.", ref("Healthy")),
            503: Answer("Send no traffic.", ref("Unhealthy")),
        },
    )


def _document() -> Parts:
    cached = {"ETag": text("Send it as `If-None-Match`.")}
    return SERVICE.operation(
        "get_openapi_document",
        "This document",
        answers={
            200: Answer("OpenAPI 3.1.", {"type": "object"}, cached),
            304: Answer("It is still the same.", headers=cached),
        },
    )
