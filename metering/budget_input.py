"""Budget bodies and queries as they come in: checked, in our own words.

What the API has and we do not yet is refused by name, never accepted and ignored.
Keys are snake_case; camelCase, as our answers also carry it, is read as well.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar
from zoneinfo import available_timezones

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from identities.models import EXTERNAL_ID_COLUMN
from metering.models import Budget
from metering.wire_names import PERIODS, SCOPE_KINDS, WEEKDAYS
from orqstudio.lib.money import USD_MAX, USD_PLACES, round_usd
from orqstudio.web.api import InvalidInput
from orqstudio.web.fields import (
    ExternalIdField,
    FlagField,
    NamedField,
    ObjectField,
    TextField,
    TimestampField,
    read_number,
)

TOKENS_MAX = 2**63 - 1
NOT_YET = ("match", "rate_limit", "alerts")


class AmountField(serializers.Field):
    """US dollars: a JSON number from 0 to below 10^10, at most ten decimals."""

    default_error_messages: ClassVar = {
        "invalid": _("Must be a number."),
        "range": _("Must be from 0 to %(most)s US dollars.") % {"most": USD_MAX},
        "decimals": _("Must have at most %(most)s decimals.") % {"most": USD_PLACES},
    }

    def to_internal_value(self, data: Any) -> Decimal:
        """Return the exact amount."""
        amount = read_number(data)
        if amount is None:
            self.fail("invalid")
        if not 0 <= amount <= USD_MAX:
            self.fail("range")
        if round_usd(amount) != amount:
            self.fail("decimals")
        return abs(round_usd(amount))


class TokenLimitField(serializers.Field):
    """A whole number of tokens that fits a bigint."""

    default_error_messages: ClassVar = {
        "invalid": _("Must be a whole number from 0 to %(most)s.")
        % {"most": TOKENS_MAX},
    }

    def to_internal_value(self, data: Any) -> int:
        """Return the limit; 1000.0 is a whole number too."""
        number = read_number(data)
        if number is None or not 0 <= number <= TOKENS_MAX or number % 1:
            self.fail("invalid")
        return int(number)


class TimeZoneField(TextField):
    """An IANA time zone name."""

    default_error_messages: ClassVar = {
        "zone": _("Must be an IANA time zone such as Europe/Amsterdam."),
    }

    def to_internal_value(self, data: Any) -> str:
        """Refuse names the system does not know."""
        name = super().to_internal_value(data)
        if name not in _zone_names():
            self.fail("zone")
        return name


class LimitsPatch(serializers.Serializer):
    """Limits that change; null takes one away."""

    period = NamedField(PERIODS, required=False)
    amount = AmountField(source="amount_usd", required=False, allow_null=True)
    token_limit = TokenLimitField(required=False, allow_null=True)


class LimitsIn(LimitsPatch):
    """The limits of a new budget; there is no default period."""

    period = NamedField(PERIODS)


class BudgetSettings(serializers.Serializer):
    """What a new budget may have and an old one may change."""

    mode = NamedField({mode: mode for mode in Budget.Mode.values}, required=False)
    time_zone = TimeZoneField(required=False)
    week_starts_on = NamedField(WEEKDAYS, required=False)
    is_active = FlagField(required=False)
    expires_at = TimestampField(required=False, allow_null=True)


class BudgetIn(BudgetSettings):
    """A new budget, without its scope."""

    limits = LimitsIn()


class BudgetPatch(BudgetSettings):
    """Changes of a budget."""

    limits = LimitsPatch(required=False)
    clear_expires_at = FlagField(required=False)


class IdentityScope(serializers.Serializer):
    """The target of scope.identity; a record of it need not exist yet."""

    identity_external_id = ExternalIdField(max_length=EXTERNAL_ID_COLUMN)


def read_new_budget(body: dict[str, Any]) -> dict[str, Any]:
    """Return the keyword arguments of `create_budget`, `workspace` and `now` aside.

    Raises:
        InvalidInput: something not supported yet, or no single scope.
        ValidationError: a value has the wrong type, form or range.
    """
    body = _prepare(body)
    scope_kind, scope_target = _read_scope(body)
    facts = _flat(_validated(BudgetIn(data=body)))
    return {
        "amount_usd": None,
        "token_limit": None,
        **facts,
        "scope_kind": scope_kind,
        "scope_target": scope_target,
    }


def read_budget_changes(budget: Budget, body: dict[str, Any]) -> dict[str, Any]:
    """Return the changes a PATCH body asks for: keys that are there, no others.

    Raises:
        InvalidInput: something not supported yet, another scope, or expires_at
            together with clear_expires_at.
        ValidationError: a value has the wrong type, form or range.
    """
    body = _prepare(body)
    if body.get("scope") is not None:
        _require_same_scope(budget, body)
    changes = _flat(_validated(BudgetPatch(data=body)))
    if changes.pop("clear_expires_at", False):
        if changes.get("expires_at") is not None:
            raise InvalidInput(_("Send expires_at or clear_expires_at, not both."))
        changes["expires_at"] = None
    return changes


def _prepare(body: dict[str, Any]) -> dict[str, Any]:
    body = _in_snake_case(body)
    for name in NOT_YET:
        if body.get(name):
            raise InvalidInput(_("%(name)s is not supported yet.") % {"name": name})
    return body


def _read_scope(body: Mapping[str, Any]) -> tuple[str, str]:
    """Return scope kind and target of the one scope that is named."""
    scope = body.get("scope")
    known = {key.removeprefix("BUDGET_SCOPE_KIND_").lower() for key in SCOPE_KINDS}
    if not isinstance(scope, Mapping) or len(scope) != 1 or not set(scope) <= known:
        raise InvalidInput(
            _("scope must be an object with exactly one of identity and workspace.")
        )
    [(kind, target)] = scope.items()
    if kind not in Budget.ScopeKind.values:
        raise InvalidInput(_("scope.%(kind)s is not supported yet.") % {"kind": kind})
    if kind == Budget.ScopeKind.WORKSPACE:
        _validated_scope(ObjectField(), target, "workspace")
        return kind, ""
    return kind, _validated_scope(IdentityScope(), target, kind)["identity_external_id"]


def _require_same_scope(budget: Budget, body: Mapping[str, Any]) -> None:
    if _read_scope(body) != (budget.scope_kind, budget.scope_target):
        raise InvalidInput(_("The scope of a budget cannot be changed."))


def _validated(serializer: serializers.Serializer) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _validated_scope(field: serializers.Field, value: Any, kind: str) -> Any:
    try:
        return field.run_validation(value)
    except serializers.ValidationError as error:
        raise serializers.ValidationError({"scope": {kind: error.detail}}) from None


def _flat(facts: dict[str, Any]) -> dict[str, Any]:
    """Return the facts with those of `limits` beside the others."""
    return {**facts.pop("limits", {}), **facts}


def _in_snake_case(value: Any) -> Any:
    """Return objects with all keys in snake_case; of two spellings that one wins."""
    if not isinstance(value, Mapping):
        return value
    camel_first = sorted(value.items(), key=lambda item: item[0] == _snake(item[0]))
    return {_snake(key): _in_snake_case(inner) for key, inner in camel_first}


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z])[A-Z]", lambda match: f"_{match[0]}", name).lower()


@cache
def _zone_names() -> frozenset[str]:
    return frozenset(available_timezones())
