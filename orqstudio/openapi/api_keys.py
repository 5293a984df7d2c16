"""API keys: flat records with those of the first clients beside them. Contract 10.2."""

from __future__ import annotations

from identities.api_keys.body import NAME_MAX, OVERLAP_MOST_S
from identities.api_keys.names import (
    LEVEL_NAMES,
    LEVEL_NUMBERS,
    LONG_MODES,
    LONG_STATUSES,
    MODES,
    SCOPE_ALL,
    SCOPE_MODES,
    SCOPE_SINGLE,
    SERVICE_ACCOUNT,
    STATUSES,
    USER,
)
from identities.api_keys.query import OWNERS, SOURCES
from identities.api_keys.records import GROUPS, SCOPES
from identities.models import EXTERNAL_ID_COLUMN, PROJECT_ID_MAX, ApiKey
from identities.rights import LEVELS, Resource
from orqstudio.openapi.errors import RESOURCE_HEADERS
from orqstudio.openapi.identities import list_body
from orqstudio.openapi.operation import Answer, Family, Parts, in_path, query, switch
from orqstudio.openapi.schema import (
    Schema,
    external_id,
    flag,
    list_of,
    map_of,
    moment,
    one_of,
    or_null,
    own_id,
    record,
    ref,
    text,
    whole,
)
from orqstudio.web.query import TEXT_MAX

API_KEYS = Family(
    "API keys",
    "Who may call, with which rights, for whom. The secret is shown once.",
    headers=RESOURCE_HEADERS,
)
ID = in_path("api_key_id", text("Its `id`.", minLength=1))
BUDGET = switch("include_budget", "Add `budget`, where it has one.")
LISTED = [
    query("search", text("Part of the name.", maxLength=TEXT_MAX)),
    query("project_id", text(maxLength=TEXT_MAX)),
    query("permission_mode", list_of(one_of([*MODES]))),
    query("status", list_of(one_of([*STATUSES]))),
    query("source", list_of(one_of([*SOURCES]))),
    query("owner_type", list_of(one_of([*OWNERS]))),
    BUDGET,
]
EXTERNAL_ID = external_id(EXTERNAL_ID_COLUMN)


def paths() -> dict[str, Parts]:
    """Return the addresses."""
    return {
        "/v2/api-keys": {"get": _list(), "post": _create()},
        "/v2/api-keys/capabilities": {"get": _capabilities()},
        "/v2/api-keys/{api_key_id}": {
            "get": _retrieve(),
            "patch": _update(),
            "delete": _delete(),
        },
        "/v2/api-keys/{api_key_id}/rotate": {"post": _rotate()},
    }


def schemas() -> dict[str, Schema]:
    """Return the bodies."""
    required, optional = _record()
    both = {**required, "api_key": ref("ApiKeyFirst")}
    until = moment("Until then the old secret works beside the new one.")
    return {
        "ApiKeyCreate": _closed({"name": _name()}, {**_settings(), **_only_new()}),
        "ApiKeyUpdate": _closed({}, {"name": _name(), **_settings(), **_only_old()}),
        "ApiKeyRotate": _closed(
            {},
            {"overlap_seconds": whole(0, OVERLAP_MOST_S, "The old secret works on.")},
        ),
        "ApiKey": record(required, optional),
        "ApiKeyFirst": _first(),
        "ApiKeyFirstList": list_body("ApiKeyFirst"),
        "ApiKeyBody": record(
            both,
            optional,
            "The record flat, and for clients from 4.10 to 4.12 under `api_key`.",
        ),
        "ApiKeyRotated": record({**both, "previous_token_expires_at": until}, optional),
        "Capabilities": _catalog(),
    }


def _closed(required: dict[str, Schema], optional: dict[str, Schema]) -> Schema:
    """Return an object that takes no other fields."""
    return record(
        required, optional, "No other fields are taken.", additionalProperties=False
    )


def _name() -> Schema:
    return text(minLength=1, maxLength=NAME_MAX, pattern=r"\S")


def _settings() -> dict[str, Schema]:
    """Return what a new key may have and an old one may change."""
    level = {"enum": [*LEVEL_NAMES]}
    constraints = {
        "expires_at": or_null(moment()),
        "identity_external_id": or_null(
            EXTERNAL_ID | {"description": "Whose all its calls are."}
        ),
        "identity_external_id_prefix": or_null(
            EXTERNAL_ID | {"description": "What all external_ids must begin with."}
        ),
    }
    return {
        "permission_mode": one_of([*MODES], "`all` by default."),
        "access": record(
            optional=dict.fromkeys(map(str, Resource), level),
            description="With `restricted` alone: the level of each resource.",
            additionalProperties=False,
        ),
        "project_scope": _scope(),
        "constraints": _closed({}, constraints),
        "expires_at": or_null(moment("In the future.")),
    }


def _only_new() -> dict[str, Schema]:
    user = record({}, {"type": one_of([USER]), "user_id": EXTERNAL_ID})
    user["properties"][USER] = record({}, {"user_id": EXTERNAL_ID})
    service = record({}, {"type": one_of([SERVICE_ACCOUNT])})
    return {
        "owner": {
            "anyOf": [user, service],
            "description": "Calls that name nobody are this user's.",
        },
        "projects": or_null(list_of(external_id(PROJECT_ID_MAX), maxItems=1)),
        "expiration": or_null(moment("The same as `expires_at`.")),
    }


def _only_old() -> dict[str, Schema]:
    return {
        "status": one_of([*STATUSES], "Revoked is for ever."),
        "active": flag("The same as `status` active or disabled."),
        "clear_expires_at": flag("Instead of `expires_at`."),
    }


def _scope() -> Schema:
    """Return both spellings of both scopes; what contradicts itself is refused."""
    names: dict[str, list[str]] = {
        mode: [name for name, kept in SCOPE_MODES.items() if kept == mode]
        for mode in (SCOPE_ALL, SCOPE_SINGLE)
    }
    nothing: Schema = {"enum": ["", None]}
    project_id = {"anyOf": [external_id(PROJECT_ID_MAX), nothing]}
    all_of_them = record({}, {"project_id": nothing})
    one = record({}, {"project_id": project_id})
    everything = {
        "mode": one_of(names[SCOPE_ALL]),
        "project_id": nothing,
        **dict.fromkeys(names[SCOPE_ALL], all_of_them),
    }
    single = {
        "mode": one_of(names[SCOPE_SINGLE]),
        "project_id": project_id,
        **dict.fromkeys(names[SCOPE_SINGLE], one),
    }
    return {
        "anyOf": [
            record({}, everything, additionalProperties=False),
            record({}, single, additionalProperties=False),
        ],
        "description": '`{"mode": "single", "project_id": "x"}` or '
        '`{"single": {"project_id": "x"}}`; all projects by default.',
    }


def _owner_record() -> dict[str, Schema]:
    return {
        SERVICE_ACCOUNT: record(),
        USER: record({"user_id": text()}),
    }


def _scope_record() -> dict[str, Schema]:
    return {
        SCOPE_ALL: record(),
        SCOPE_SINGLE: record({"project_id": text()}),
    }


def _record() -> tuple[dict[str, Schema], dict[str, Schema]]:
    """Return the flat record: what is always there, and what may be."""
    constraints = {
        "expires_at": moment(),
        "identity_external_id": text("Whose all its calls are."),
        "identity_external_id_prefix": text("What all external_ids begin with."),
    }
    owner = {"user_id": text("Whose the calls are that name nobody.")}
    required = {
        "id": own_id(),
        "name": text(),
        "workspace_id": own_id(),
        "token": text("The secret when it is new, else only how it begins."),
        "token_prefix": text(),
        "status": one_of(ApiKey.Status.values),
        "active": flag(),
        "is_legacy": flag(),
        "source": one_of(["workspace"]),
        "owner": record(
            {"type": one_of([SERVICE_ACCOUNT, USER])}, {**owner, **_owner_record()}
        ),
        "project_scope": record(
            {"mode": one_of([SCOPE_ALL, SCOPE_SINGLE])},
            {"project_id": text(), **_scope_record()},
        ),
        "projects": list_of(text()),
        "permission_mode": one_of(ApiKey.PermissionMode.values),
        "access": map_of(one_of([*LEVELS])),
        "constraints": record({}, constraints),
        "created": moment(),
        "updated": moment(),
    }
    optional = {
        "expiration": moment(),
        "last_used_at": moment("At most a minute too old."),
        "budget": ref("EmbeddedBudget"),
    }
    return required, optional


def _first() -> Schema:
    return record(
        {
            "api_key_id": own_id(),
            "name": text(),
            "owner": record({}, _owner_record()),
            "project_scope": record({}, _scope_record()),
            "permission_mode": one_of([*LONG_MODES.values()]),
            "access": map_of(one_of([*LEVEL_NUMBERS.values()])),
            "token_prefix": text(),
            "status": one_of([*LONG_STATUSES.values()]),
            "created_at": moment(),
            "updated_at": moment(),
        },
        {
            "expires_at": moment(),
            "last_used_at": moment(),
            "budget": ref("EmbeddedBudget"),
        },
        "The record as clients from 4.10 to 4.12 read it.",
    )


def _catalog() -> Schema:
    numbers = [position for position, _ in enumerate(GROUPS, start=1)]
    domain = record(
        {
            "id": one_of([*map(str, Resource)]),
            "display_name": text(),
            "group": {"enum": [*GROUPS, *numbers]},
            "allowed_scopes": list_of({"enum": [*SCOPES, 1, 2]}),
            "readable": flag(),
            "writable": flag(),
            "extra_write_verbs": list_of(text()),
        }
    )
    return record(
        {"domains": list_of(domain)},
        description="Clients before 4.14 get enums as numbers.",
    )


def _list() -> Parts:
    both = {"anyOf": [list_of(ref("ApiKey")), ref("ApiKeyFirstList")]}
    return API_KEYS.operation(
        "list_api_keys",
        "List API keys",
        description="All of them, by name. Clients of the official SDKs from 4.10 to "
        "4.12 get pages as other lists have them.",
        parameters=LISTED,
        answers={200: Answer("The keys, their secrets masked.", both)},
    )


def _create() -> Parts:
    return API_KEYS.operation(
        "create_api_key",
        "Create an API key",
        description="It can have no right that the calling key has not.",
        body=ref("ApiKeyCreate"),
        answers={
            200: Answer("Created; `token` is never shown again.", ref("ApiKeyBody"))
        },
    )


def _retrieve() -> Parts:
    return API_KEYS.operation(
        "retrieve_api_key",
        "Retrieve an API key",
        parameters=[ID, BUDGET],
        answers={200: Answer("The record, without its secret.", ref("ApiKeyBody"))},
        errors=[404],
    )


def _update() -> Parts:
    return API_KEYS.operation(
        "update_api_key",
        "Change an API key",
        description="Within a second it holds everywhere.",
        parameters=[ID],
        body=ref("ApiKeyUpdate"),
        needs_body=False,
        answers={200: Answer("The record as it is now.", ref("ApiKeyBody"))},
        errors=[404],
    )


def _delete() -> Parts:
    return API_KEYS.operation(
        "delete_api_key",
        "Revoke and hide an API key",
        description="Its usage stays on record.",
        parameters=[ID],
        answers={
            200: Answer(
                "For the official SDKs from 4.10 to 4.12.", record(maxProperties=0)
            ),
            204: Answer("Deleted."),
        },
        errors=[404],
    )


def _rotate() -> Parts:
    return API_KEYS.operation(
        "rotate_api_key",
        "Give an API key a new secret",
        description="Our own addition. The old one ends at once, or after the overlap.",
        parameters=[ID],
        body=ref("ApiKeyRotate"),
        needs_body=False,
        answers={200: Answer("The key with its new secret.", ref("ApiKeyRotated"))},
        errors=[404],
    )


def _capabilities() -> Parts:
    return API_KEYS.operation(
        "list_capabilities",
        "What a key can be given rights to",
        answers={200: Answer("The resources.", ref("Capabilities"))},
    )
