"""What of a key's body is no plain value: rights, project, owner, binding."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from identities.api_keys.names import (
    LEVEL_NAMES,
    SCOPE_ALL,
    SCOPE_MODES,
    SCOPE_SINGLE,
    SERVICE_ACCOUNT,
    USER,
)
from identities.models import EXTERNAL_ID_COLUMN, PROJECT_ID_MAX
from identities.rights import LEVELS, Resource
from orqstudio.web.fields import (
    ExternalIdField,
    StrictSerializer,
    TextField,
    TimestampField,
)


class NameField(TextField):
    """A name that shows something."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse what is only space."""
        text = super().to_internal_value(data)
        if not text.strip():
            self.fail("blank")
        return text


class AccessField(serializers.Field):
    """Resource -> level; a level of none is left out.

    Unknown resources are refused: a right that is not kept must not look granted.
    """

    default_error_messages: ClassVar = {
        "invalid": _("Must be a JSON object."),
        "resource": _("{name} is none of {names}."),
        "level": _("{name} must be one of {names}."),
    }

    def to_internal_value(self, data: Any) -> dict[str, str]:
        """Return what `ApiKey.access` keeps."""
        if not isinstance(data, Mapping):
            self.fail("invalid")
        levels = {name: self._read_level(name, level) for name, level in data.items()}
        return {name: level for name, level in levels.items() if LEVELS[level]}

    def _read_level(self, name: str, level: object) -> str:
        if name not in tuple(Resource):
            self.fail("resource", name=name, names=", ".join(Resource))
        is_named = type(level) in {str, int} and level in LEVEL_NAMES
        if not is_named:
            self.fail("level", name=name, names=", ".join(LEVELS))
        return LEVEL_NAMES[level]


class ScopeField(serializers.Field):
    """`project_scope`: all projects, which is none in particular, or a single one.

    Read as `{"mode": "single", "project_id": "x"}` and `{"single": {"project_id":
    "x"}}`; what contradicts itself is refused.
    """

    default_error_messages: ClassVar = {
        "invalid": _("Must name all projects, or a single one with its project_id."),
    }

    def to_internal_value(self, data: Any) -> str:
        """Return the project's id, empty for all."""
        if not isinstance(data, Mapping):
            self.fail("invalid")
        mode, project_id = self._read(data)
        if mode == SCOPE_ALL and project_id in ("", None):
            return ""
        if mode != SCOPE_SINGLE:
            self.fail("invalid")
        return ExternalIdField(max_length=PROJECT_ID_MAX).run_validation(project_id)

    def _read(self, data: Mapping[str, Any]) -> tuple[str | None, Any]:
        """Return mode and project_id as they stand in either form, or both."""
        named = [mode for mode in (SCOPE_ALL, SCOPE_SINGLE) if mode in data]
        modes = {SCOPE_MODES.get(str(data["mode"]))} if "mode" in data else set()
        modes |= set(named)
        inner = data[named[0]] if named else {}
        is_known = set(data) <= {"mode", "project_id", *named}
        if not is_known or len(modes) != 1 or not isinstance(inner, Mapping):
            self.fail("invalid")
        return modes.pop(), inner.get("project_id", data.get("project_id"))


class ProjectsField(serializers.Field):
    """The legacy `projects`: null, none, or the one project of the key."""

    default_error_messages: ClassVar = {
        "invalid": _("Must be a list of at most one project; see project_scope."),
    }

    def run_validation(self, data: Any = serializers.empty) -> Any:
        """Return the project's id; null means all of them."""
        return "" if data is None else super().run_validation(data)

    def to_internal_value(self, data: Any) -> str:
        """Refuse several: a key belongs to one project or to all."""
        if not isinstance(data, list) or len(data) > 1:
            self.fail("invalid")
        field = ExternalIdField(max_length=PROJECT_ID_MAX)
        return field.run_validation(data[0]) if data else ""


class OwnerField(serializers.Field):
    """`owner`: a service account, or a user whose calls are that name nobody.

    Read as `{"type": "user", "user_id": "x"}` and `{"user": {"user_id": "x"}}`.
    """

    default_error_messages: ClassVar = {
        "invalid": _("Must be a service account, or a user with its user_id."),
    }

    def to_internal_value(self, data: Any) -> str:
        """Return the user's id, empty for a service account."""
        if not isinstance(data, Mapping):
            self.fail("invalid")
        kinds = [kind for kind in (SERVICE_ACCOUNT, USER) if kind in data]
        kind = data.get("type", kinds[0] if kinds else None)
        is_known = kind in (SERVICE_ACCOUNT, USER)
        if not is_known or any(other != kind for other in kinds):
            self.fail("invalid")
        if kind == SERVICE_ACCOUNT:
            return ""
        inner = data.get(USER, data)
        if not isinstance(inner, Mapping):
            self.fail("invalid")
        field = ExternalIdField(max_length=EXTERNAL_ID_COLUMN)
        return field.run_validation(inner.get("user_id"))


class ConstraintsIn(StrictSerializer):
    """`constraints`: when the key ends, and whose calls it makes; null takes it away.

    The two about identities are our own.
    """

    expires_at = TimestampField(required=False, allow_null=True)
    identity_external_id = ExternalIdField(
        source="bound_external_id",
        max_length=EXTERNAL_ID_COLUMN,
        required=False,
        allow_null=True,
    )
    identity_external_id_prefix = ExternalIdField(
        source="bound_prefix",
        max_length=EXTERNAL_ID_COLUMN,
        required=False,
        allow_null=True,
    )
