"""The `scope` of a budget's body: exactly one kind, with its target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from identities.models import EXTERNAL_ID_COLUMN, PROJECT_ID_MAX
from metering.wire_names import SCOPE_KINDS
from orqstudio.lib import ids
from orqstudio.web.api import InvalidInput
from orqstudio.web.fields import ExternalIdField, ObjectField

Scope = tuple[str, str]
"""Kind and target, as budgets keep them."""


class ProjectScope(serializers.Serializer):
    """Calls with the API keys of a project."""

    project_id = ExternalIdField(max_length=PROJECT_ID_MAX)


class IdentityScope(serializers.Serializer):
    """Calls of an identity; a record of it need not exist yet."""

    identity_external_id = ExternalIdField(max_length=EXTERNAL_ID_COLUMN)


class ApiKeyScope(serializers.Serializer):
    """Calls with an API key of the workspace."""

    api_key_id = ExternalIdField(max_length=EXTERNAL_ID_COLUMN)


class ProviderScope(serializers.Serializer):
    """Calls that go to a provider."""

    provider = ExternalIdField(max_length=EXTERNAL_ID_COLUMN)


class ModelScope(serializers.Serializer):
    """Calls of one model, written provider/model."""

    model_id = ExternalIdField(max_length=EXTERNAL_ID_COLUMN)


_WORKSPACE = "workspace"
_TARGETS: dict[str, type[serializers.Serializer]] = {
    "project": ProjectScope,
    "identity": IdentityScope,
    "api_key": ApiKeyScope,
    "provider": ProviderScope,
    "model": ModelScope,
}


def read_scope(scope: Any) -> Scope:
    """Return kind and target of the one scope that is named.

    An API key's id comes back in capitals, as calls carry it.

    Raises:
        InvalidInput: no object with exactly one known kind.
        ValidationError: its target has the wrong type or form.
    """
    if not isinstance(scope, Mapping) or len(scope) != 1 or not _known() >= set(scope):
        names = ", ".join(sorted(_known()))
        raise InvalidInput(
            _("scope must be an object with exactly one of %(names)s.")
            % {"names": names}
        )
    [(kind, target)] = scope.items()
    if kind == _WORKSPACE:
        _validated(ObjectField(), target, kind)
        return kind, ""
    [text] = _validated(_TARGETS[kind](), target, kind).values()
    return kind, _canonical(kind, text)


def _known() -> set[str]:
    return set(SCOPE_KINDS.values())


def _canonical(kind: str, target: str) -> str:
    key_id = ids.parse(target) if kind == "api_key" else None
    return ids.show(key_id) if key_id else target


def _validated(field: serializers.Field, value: Any, kind: str) -> Any:
    try:
        return field.run_validation(value)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"scope": {kind: error.detail}}) from None
