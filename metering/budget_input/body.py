"""The bodies of POST and PATCH as arguments of the services."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from metering.budget_input.fields import BudgetIn, BudgetPatch
from metering.budget_input.scope import read_scope
from metering.models import Budget
from orqstudio.web.api import InvalidInput


def read_new_budget(body: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of `create_budget`, `workspace` and `now` aside.

    Raises:
        InvalidInput: not exactly one of scope and match, or no single scope.
        ValidationError: a value has the wrong type, form or range.
    """
    body = _in_snake_case(body)
    scope = body.get("scope")
    if (scope is None) == (body.get("match") is None):
        raise InvalidInput(_("Send exactly one of scope and match."))
    kind, target = (Budget.ScopeKind.MATCH.value, "")
    if scope is not None:
        kind, target = read_scope(scope)
    facts = _flat(_validated(BudgetIn(data=body)))
    return {
        "amount_usd": None,
        "token_limit": None,
        **facts,
        "scope_kind": kind,
        "scope_target": target,
    }


def read_budget_changes(budget: Budget, body: dict[str, Any]) -> dict[str, Any]:
    """Return the changes a PATCH body asks for: keys that are there, no others.

    Null takes a limit away; of alerts and match it asks for nothing.

    Raises:
        InvalidInput: another scope, or a value together with its clear_ flag.
        ValidationError: a value has the wrong type, form or range.
    """
    body = _in_snake_case(body)
    scope = body.get("scope")
    if scope is not None and read_scope(scope) != (
        budget.scope_kind,
        budget.scope_target,
    ):
        raise InvalidInput(_("The scope of a budget cannot be changed."))
    facts = _validated(BudgetPatch(data=body))
    takes_rate = "rate_limit" in facts and facts["rate_limit"] is None
    changes = _flat(facts)
    if takes_rate:
        changes["requests_per_minute"] = None
    _clear(changes, "expires_at", None)
    _clear(changes, "alerts", [])
    return changes


def _clear(changes: dict[str, Any], name: str, nothing: Any) -> None:
    """Turn the flag `clear_<name>` into the change it stands for."""
    if not changes.pop(f"clear_{name}", False):
        return
    if changes.get(name):
        words = {"name": name}
        raise InvalidInput(_("Send %(name)s or clear_%(name)s, not both.") % words)
    changes[name] = nothing


def _validated(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with those of limits, rate_limit and match beside the others."""
    flat: dict[str, Any] = {}
    for name in ("limits", "rate_limit", "match"):
        flat |= facts.pop(name, None) or {}
    if facts.get("alerts", ()) is None:
        del facts["alerts"]
    return {**flat, **facts}


def _in_snake_case(value: Any) -> Any:
    """Return objects with all keys in snake_case.

    Raises:
        InvalidInput: the two spellings of a name have different values.
    """
    if isinstance(value, list):
        return [_in_snake_case(inner) for inner in value]
    if not isinstance(value, Mapping):
        return value
    snake: dict[str, Any] = {}
    for key, inner in value.items():
        name, read = _snake(key), _in_snake_case(inner)
        if snake.setdefault(name, read) != read:
            words = {"key": key, "name": name}
            raise InvalidInput(_("%(name)s is there twice, and not the same.") % words)
    return snake


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: f"_{match[0]}", name).lower()
