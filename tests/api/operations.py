"""Every operation of the resources, for tables that go over all of them."""

from __future__ import annotations

from typing import NamedTuple

from tests.make import make_api_key, make_budget, make_identity


class Operation(NamedTuple):
    """`path` has `{identity}`, `{budget}` or `{api_key}` where a reference stands."""

    name: str
    method: str
    path: str
    body: dict | None = None


LIMITS = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 5}
READS_KEYS = {"permission_mode": "restricted", "access": {"api_keys": "read"}}
"""A key with so few rights that every key that manages keys may manage it."""

REPORT = {
    "metric": "genai.usage",
    "from": "2026-03-01T00:00:00Z",
    "to": "2026-03-31T00:00:00Z",
}

OPERATIONS = (
    Operation("list_identities", "get", "/v2/identities"),
    Operation("create_identity", "post", "/v2/identities", {"external_id": "new"}),
    Operation("retrieve_identity", "get", "/v2/identities/{identity}"),
    Operation("update_identity", "patch", "/v2/identities/{identity}", {"tags": ["x"]}),
    Operation("delete_identity", "delete", "/v2/identities/{identity}"),
    Operation("list_contacts", "get", "/v2/contacts"),
    Operation("create_contact", "post", "/v2/contacts", {"external_id": "new"}),
    Operation("retrieve_contact", "get", "/v2/contacts/{identity}"),
    Operation("update_contact", "patch", "/v2/contacts/{identity}", {"tags": ["x"]}),
    Operation("delete_contact", "delete", "/v2/contacts/{identity}"),
    Operation("list_budgets", "get", "/v2/budgets"),
    Operation(
        "create_budget",
        "post",
        "/v2/budgets",
        {"scope": {"workspace": {}}, "limits": LIMITS},
    ),
    Operation("get_budget", "get", "/v2/budgets/{budget}"),
    Operation("update_budget", "patch", "/v2/budgets/{budget}", {"is_active": False}),
    Operation("delete_budget", "delete", "/v2/budgets/{budget}"),
    Operation("reset_budget", "post", "/v2/budgets/{budget}/reset-consumption", {}),
    Operation("budget_consumption", "get", "/v2/budgets/{budget}/consumption"),
    Operation("list_api_keys", "get", "/v2/api-keys"),
    Operation("create_api_key", "post", "/v2/api-keys", {"name": "new", **READS_KEYS}),
    Operation("retrieve_api_key", "get", "/v2/api-keys/{api_key}"),
    Operation("update_api_key", "patch", "/v2/api-keys/{api_key}", {"name": "other"}),
    Operation("delete_api_key", "delete", "/v2/api-keys/{api_key}"),
    Operation("rotate_api_key", "post", "/v2/api-keys/{api_key}/rotate", {}),
    Operation("list_capabilities", "get", "/v2/api-keys/capabilities"),
    Operation("query_report", "post", "/v2/reporting", REPORT),
)
ON_ONE = tuple(each for each in OPERATIONS if "{" in each.path)
WITH_BODY = tuple(each for each in OPERATIONS if each.body is not None)


NOTHING = {"identity": "nobody", "budget": "x", "api_key": "x"}
"""References that no workspace knows."""


def references_in(workspace) -> dict[str, str]:
    """Make one row of every kind; return how to refer to them."""
    return {
        "identity": make_identity(workspace, "user_1").public_id,
        "budget": make_budget(workspace, "user_1").public_id,
        "api_key": make_api_key(workspace, **READS_KEYS).public_id,
    }


def named(operation: Operation) -> str:
    """Return the test id."""
    return operation.name


def send(api, operation: Operation, body: object = None, **references: str):
    """Send the operation with its own body, or another; references fill the path."""
    path = operation.path.format(**{**NOTHING, **references})
    if operation.method in {"get", "delete"}:
        return getattr(api, operation.method)(path)
    return getattr(api, operation.method)(
        path, operation.body if body is None else body
    )
