"""Key bodies as they come in: checked, in our own words.

Unknown fields are refused: a right or a limit that was misspelt must not be lost.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from identities.api_keys.fields import (
    AccessField,
    ConstraintsIn,
    NameField,
    OwnerField,
    ProjectsField,
    ScopeField,
)
from identities.api_keys.names import MODES, STATUSES
from identities.models import ApiKey
from orqstudio.web.api import InvalidInput
from orqstudio.web.fields import (
    FlagField,
    NamedField,
    StrictSerializer,
    TimestampField,
    WholeNumberField,
)

NAME_MAX = 120
OVERLAP_MOST_S = 30 * 24 * 3600
_OPTIONAL: dict[str, Any] = {"required": False}


class KeySettings(StrictSerializer):
    """What a new key may have and an old one may change."""

    permission_mode = NamedField(MODES, **_OPTIONAL)
    access = AccessField(**_OPTIONAL)
    project_scope = ScopeField(source="project_id", **_OPTIONAL)
    constraints = ConstraintsIn(**_OPTIONAL)
    expires_at = TimestampField(allow_null=True, **_OPTIONAL)


class KeyIn(KeySettings):
    """A new key."""

    name = NameField(max_length=NAME_MAX)
    owner = OwnerField(source="owner_external_id", **_OPTIONAL)
    projects = ProjectsField(**_OPTIONAL)
    expiration = TimestampField(allow_null=True, **_OPTIONAL)


class KeyPatch(KeySettings):
    """Changes of a key."""

    name = NameField(max_length=NAME_MAX, **_OPTIONAL)
    status = NamedField(STATUSES, **_OPTIONAL)
    active = FlagField(**_OPTIONAL)
    clear_expires_at = FlagField(**_OPTIONAL)


class RotationIn(StrictSerializer):
    """How long the old secret goes on to work."""

    overlap_seconds = WholeNumberField(least=0, most=OVERLAP_MOST_S, default=0)


def read_new_key(body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the keyword arguments of `issue_api_key`, the workspace aside.

    Raises:
        ValidationError: a value has the wrong type, form or length, or no meaning.
        InvalidInput: two fields contradict each other, or the key has ended.
    """
    facts = _validated(KeyIn(data=body))
    _merge(facts, "project_id", _taken(facts, "projects"))
    _merge_expiry(facts, now)
    return facts


def read_key_changes(body: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Return the changes a PATCH body asks for: what it names, nothing else.

    Raises:
        ValidationError: a value has the wrong type, form or length, or no meaning.
        InvalidInput: two fields contradict each other, or the key would have ended.
    """
    changes = _validated(KeyPatch(data=body))
    clears = changes.pop("clear_expires_at", False)
    _merge_expiry(changes, now)
    if clears and changes.setdefault("expires_at", None) is not None:
        raise InvalidInput(_("Send expires_at or clear_expires_at, not both."))
    if "active" in changes:
        is_active = changes.pop("active")
        status = ApiKey.Status.ACTIVE if is_active else ApiKey.Status.DISABLED
        _merge(changes, "status", {"active": status})
    return changes


def read_overlap(body: dict[str, Any]) -> timedelta:
    """Return how long the old secret works beside the new one.

    Raises:
        ValidationError: it is no whole number of seconds up to 30 days.
    """
    return timedelta(seconds=_validated(RotationIn(data=body))["overlap_seconds"])


def _validated(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _merge_expiry(facts: dict[str, Any], now: datetime) -> None:
    """Make one `expires_at` of the places it may stand in; it must lie ahead."""
    constraints = facts.pop("constraints", {})
    _merge(facts, "expires_at", _taken(facts, "expiration"))
    _merge(facts, "expires_at", _taken(constraints, "expires_at"))
    facts |= constraints
    expires_at = facts.get("expires_at")
    if expires_at is not None and expires_at <= now:
        raise InvalidInput(_("The expiry of an API key must be in the future."))


def _taken(facts: dict[str, Any], name: str) -> dict[str, Any]:
    return {name: facts.pop(name)} if name in facts else {}


def _merge(facts: dict[str, Any], field: str, other: dict[str, Any]) -> None:
    """Take the value of another spelling; both must say the same."""
    for name, value in other.items():
        if facts.setdefault(field, value) != value:
            raise InvalidInput(
                _("%(field)s and %(name)s say different things.")
                % {"field": field, "name": name}
            )
