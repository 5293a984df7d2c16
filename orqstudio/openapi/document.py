"""The whole document; made once, the same for everybody."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from orqstudio import __version__
from orqstudio.openapi import (
    api_keys,
    budgets,
    calls,
    errors,
    identities,
    reporting,
    service,
)
from orqstudio.openapi.operation import Parts

DESCRIPTION = """\
orqstudio answers the orq.ai v2 API for identities, budgets, API keys and reports, and
meters calls of models on the same port. Addresses have no trailing slash and none
redirects. Bodies are JSON whatever the headers say. What is absent is left out, never
null. Fields that are not described are ignored, unless an operation says otherwise."""
MODULES = (identities, budgets, calls, api_keys, reporting, service)


@dataclass(frozen=True, slots=True)
class Written:
    """The document as it is sent."""

    raw: bytes
    etag: str


@cache
def make_document() -> dict[str, Any]:
    """Return the document; do not change it."""
    paths = [each.paths() for each in MODULES]
    schemas = [errors.schemas(), *(each.schemas() for each in MODULES)]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "orqstudio",
            "version": __version__,
            "description": DESCRIPTION,
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}],
        "tags": _tags(),
        "paths": _merge(paths),
        "components": {
            "schemas": _merge(schemas),
            "responses": errors.responses(),
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "An API key: `Authorization: Bearer sk-orq-...`.",
                }
            },
        },
    }


@cache
def write_document() -> Written:
    """Return the document's bytes and what tells one version from another."""
    raw = json.dumps(
        make_document(), ensure_ascii=False, separators=(",", ":")
    ).encode()
    return Written(raw, f'"{hashlib.sha256(raw).hexdigest()[:32]}"')


def _tags() -> list[Parts]:
    families = (
        identities.IDENTITIES,
        budgets.BUDGETS,
        calls.CALLS,
        api_keys.API_KEYS,
        reporting.REPORTING,
        identities.CONTACTS,
        service.SERVICE,
    )
    return [{"name": each.tag, "description": each.about} for each in families]


def _merge(parts: list[dict[str, Any]]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for each in parts:
        merged |= each
    return merged
