"""Identity bodies: what comes in, checked; what goes out, without nulls."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from identities.models import EXTERNAL_ID_MAX, Identity
from orqstudio.lib import ids
from orqstudio.web.api import InvalidInput, format_timestamp
from orqstudio.web.fields import (
    EmailField,
    ExternalIdField,
    ObjectField,
    TagsField,
    TextField,
    WebAddressField,
)

TAGS_MOST = 100
_TEXT: dict[str, Any] = {"required": False, "allow_blank": True, "allow_null": True}
_CONTAINER: dict[str, Any] = {"required": False, "allow_null": True}


class IdentityPatch(serializers.Serializer):
    """What may change; the empty string and null both clear a text."""

    display_name = TextField(max_length=255, **_TEXT)
    email = EmailField(max_length=320, **_TEXT)
    avatar_url = WebAddressField(max_length=2048, **_TEXT)
    tags = TagsField(max_length=TAGS_MOST, **_CONTAINER)
    metadata = ObjectField(**_CONTAINER)


class IdentityIn(IdentityPatch):
    """What a new identity may have; unknown keys, `budget` among them, are left out."""

    external_id = ExternalIdField(max_length=EXTERNAL_ID_MAX)


def read_new_identity(body: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of `create_identity`.

    Raises:
        ValidationError: a value has the wrong type, form or length.
    """
    serializer = IdentityIn(data=body)
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def read_identity_changes(
    identity: Identity, body: dict[str, Any], *, ignore_empty_metadata: bool
) -> dict[str, Any]:
    """Return the changes a PATCH body asks for: keys that are there, no others.

    Raises:
        ValidationError: a value has the wrong type, form or length.
        InvalidInput: it names another external_id.
    """
    if body.get("external_id", identity.external_id) != identity.external_id:
        raise InvalidInput(_("external_id cannot be changed."))
    serializer = IdentityPatch(data=body)
    serializer.is_valid(raise_exception=True)
    changes = dict(serializer.validated_data)
    if ignore_empty_metadata and not changes.get("metadata", True):
        del changes["metadata"]
    return changes


def identity_record(identity: Identity) -> dict[str, Any]:
    """Return the flat record; optional texts that are empty are left out."""
    record = {
        "_id": identity.public_id,
        "external_id": identity.external_id,
        "workspace_id": ids.show(identity.workspace_id),
        "display_name": identity.display_name,
        "email": identity.email,
        "avatar_url": identity.avatar_url,
        "tags": identity.tags,
        "metadata": identity.metadata,
        "created": format_timestamp(identity.created_at),
        "updated": format_timestamp(identity.updated_at),
    }
    return {name: value for name, value in record.items() if value != ""}


def both_shapes(record: dict[str, Any]) -> dict[str, Any]:
    """Return the record flat and once more under `identity`.

    The only body that every generation of the official clients accepts.
    """
    return {**record, "identity": record}
