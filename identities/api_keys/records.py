"""Keys as they go out: flat for today's clients, and in the words of the first ones.

Clients from 4.13 on read a flat record with short words; those from 4.10 to 4.12 the
same facts under `api_key`, with long names of enums. Both stand in one body.
"""

from __future__ import annotations

from typing import Any

from identities.api_keys.names import (
    LEVEL_NUMBERS,
    LONG_MODES,
    LONG_STATUSES,
    SCOPE_ALL,
    SCOPE_SINGLE,
    SERVICE_ACCOUNT,
    USER,
)
from identities.models import ApiKey
from identities.rights import Resource
from orqstudio.lib import ids
from orqstudio.web.api import format_timestamp

MASK = "********"
GROUPS = (
    "DOMAIN_GROUP_WORKSPACE_ADMIN",
    "DOMAIN_GROUP_PLATFORM",
    "DOMAIN_GROUP_GATEWAY",
)
SCOPES = ("SCOPE_MODE_ALL", "SCOPE_MODE_SINGLE")
_DOMAINS = {
    Resource.IDENTITIES: ("Identities", GROUPS[0]),
    Resource.BUDGETS: ("Budgets", GROUPS[0]),
    Resource.API_KEYS: ("API keys", GROUPS[0]),
    Resource.REPORTING: ("Reporting", GROUPS[1]),
    Resource.CALLS: ("Calls of deployments and the router", GROUPS[2]),
}


def both_records(api_key: ApiKey, *, token: str = "") -> dict[str, Any]:
    """Return the body of one key; `token` is its secret, shown this once.

    Without it the field `token` has what may be shown of one.
    """
    shown = token or api_key.token_prefix
    return {**flat_record(api_key, token=shown), "api_key": first_record(api_key)}


def listed_record(api_key: ApiKey) -> dict[str, Any]:
    """Return the key as an item of the list that is a bare array."""
    return flat_record(api_key, token=f"{api_key.token_prefix}{MASK}")


def flat_record(api_key: ApiKey, *, token: str) -> dict[str, Any]:
    """Return the record that clients from 4.13 on read; what is not set is left out."""
    record = {
        "id": api_key.public_id,
        "name": api_key.name,
        "workspace_id": ids.show(api_key.workspace_id),
        "token": token,
        "token_prefix": api_key.token_prefix,
        "status": api_key.status,
        "active": api_key.status == ApiKey.Status.ACTIVE,
        "is_legacy": False,
        "source": "workspace",
        "owner": _both_forms("type", _owner(api_key)),
        "project_scope": _both_forms("mode", _scope(api_key)),
        "projects": [api_key.project_id] if api_key.project_id else [],
        "permission_mode": api_key.permission_mode,
        "access": api_key.access,
        "constraints": _constraints(api_key),
        "created": format_timestamp(api_key.created_at),
        "updated": format_timestamp(api_key.updated_at),
    }
    return record | _times(
        {"expiration": api_key.expires_at, "last_used_at": api_key.last_used_at}
    )


def first_record(api_key: ApiKey) -> dict[str, Any]:
    """Return the record that clients from 4.10 to 4.12 read."""
    access = {name: LEVEL_NUMBERS[level] for name, level in api_key.access.items()}
    record = {
        "api_key_id": api_key.public_id,
        "name": api_key.name,
        "owner": _owner(api_key),
        "project_scope": _scope(api_key),
        "permission_mode": LONG_MODES[ApiKey.PermissionMode(api_key.permission_mode)],
        "access": access,
        "token_prefix": api_key.token_prefix,
        "status": LONG_STATUSES[api_key.status],
        "created_at": format_timestamp(api_key.created_at),
        "updated_at": format_timestamp(api_key.updated_at),
    }
    return record | _times(
        {"expires_at": api_key.expires_at, "last_used_at": api_key.last_used_at}
    )


def capability_catalog(*, in_numbers: bool) -> dict[str, Any]:
    """Return what a key can be given rights to.

    Args:
        in_numbers: say enums by their numbers, as clients before 4.14 read them.
    """
    scopes: list[Any] = [1, 2] if in_numbers else [*SCOPES]
    return {
        "domains": [
            {
                "id": resource,
                "display_name": name,
                "group": GROUPS.index(group) + 1 if in_numbers else group,
                "allowed_scopes": scopes,
                "readable": True,
                "writable": True,
                "extra_write_verbs": [],
            }
            for resource, (name, group) in _DOMAINS.items()
        ]
    }


def _owner(api_key: ApiKey) -> dict[str, Any]:
    owner = api_key.owner_external_id
    return {USER: {"user_id": owner}} if owner else {SERVICE_ACCOUNT: {}}


def _scope(api_key: ApiKey) -> dict[str, Any]:
    project_id = api_key.project_id
    return {SCOPE_SINGLE: {"project_id": project_id}} if project_id else {SCOPE_ALL: {}}


def _both_forms(word: str, form: dict[str, Any]) -> dict[str, Any]:
    """Return `{"user": {...}}` with its facts beside it and its key as a `word`."""
    [(name, facts)] = form.items()
    return {word: name, **facts, **form}


def _constraints(api_key: ApiKey) -> dict[str, Any]:
    """Return what limits the key; the two about identities are our own."""
    bound = {
        "identity_external_id": api_key.bound_external_id,
        "identity_external_id_prefix": api_key.bound_prefix,
    }
    set_ones = {name: value for name, value in bound.items() if value}
    return _times({"expires_at": api_key.expires_at}) | set_ones


def _times(times: dict[str, Any]) -> dict[str, str]:
    return {name: format_timestamp(time) for name, time in times.items() if time}
