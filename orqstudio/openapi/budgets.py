"""Budgets: bodies in both cases, requests in either. Contract 6."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from identities.models import EXTERNAL_ID_COLUMN, PROJECT_ID_MAX
from metering.api import LIMIT_DEFAULT, LIMIT_MOST
from metering.budget_input.fields import (
    ALERT_ID_MAX,
    ALERTS_MOST,
    NOTIFIERS_MOST,
    TOKENS_MAX,
)
from metering.budget_rules import RATE_MAX
from metering.filters import SORT_NAMES
from metering.matching import EXPRESSION_MAX
from metering.models import Budget
from metering.serializers import camel_case
from metering.wire_names import ALERT_DIMENSIONS, PERIODS, SCOPE_KINDS, WEEKDAYS
from orqstudio.lib.money import USD_MAX
from orqstudio.openapi.errors import RESOURCE_HEADERS
from orqstudio.openapi.operation import (
    Answer,
    Family,
    Parts,
    in_path,
    page_of,
    query,
    switch,
)
from orqstudio.openapi.schema import (
    Schema,
    external_id,
    flag,
    list_of,
    moment,
    number,
    one_of,
    or_null,
    own_id,
    record,
    ref,
    text,
    whole,
)
from orqstudio.web.query import TEXT_MAX

BUDGETS = Family(
    "Budgets",
    "Limits on cost, tokens and requests a minute; nothing passes a hard one by more "
    "than a call. The official SDKs from 3.12 to 4.0 are answered in the form of their "
    "time: a type, a period and an amount.",
    headers=RESOURCE_HEADERS,
)
ID = in_path("budget_id", text("Its `budgetId`.", minLength=1))
LISTED = [
    *page_of(default=LIMIT_DEFAULT, most=LIMIT_MOST, cursor="`budgetId`"),
    query("scope_kind", list_of(one_of([*SCOPE_KINDS]), "Any of these.")),
    query(
        "scope_target_id",
        text("What it limits; of the workspace its own id.", maxLength=TEXT_MAX),
    ),
    switch("is_active", "Only budgets that are, or are not."),
    query("period", list_of(one_of([*PERIODS]), "Any of these.")),
    query("query", text("Part of the target's name or id.", maxLength=TEXT_MAX)),
    query("sort_by", one_of([*SORT_NAMES], "Without it the last changed come first.")),
]
TARGETS = {
    "project": ("project_id", PROJECT_ID_MAX, "Calls with API keys of the project."),
    "identity": (
        "identity_external_id",
        EXTERNAL_ID_COLUMN,
        "Calls of the identity; a record of it need not exist.",
    ),
    "api_key": ("api_key_id", EXTERNAL_ID_COLUMN, "Calls with the API key."),
    "provider": ("provider", EXTERNAL_ID_COLUMN, "Calls that go to the provider."),
    "model": ("model_id", EXTERNAL_ID_COLUMN, "Calls of the model: `provider/model`."),
}
EITHER_CASE = "Every name is read in camelCase too; if both are there they must agree."


def paths() -> dict[str, Parts]:
    """Return the addresses."""
    return {
        "/v2/budgets": {"get": _list(), "post": _create()},
        "/v2/budgets/{budget_id}": {
            "get": _get(),
            "patch": _update(),
            "delete": _delete(),
        },
        "/v2/budgets/{budget_id}/reset-consumption": {"post": _reset()},
        "/v2/budgets/{budget_id}/consumption": {"get": _consumption()},
    }


def schemas() -> dict[str, Schema]:
    """Return the bodies."""
    usage = record(
        {"amount": number("US dollars."), "tokens": whole(0), "requests": whole(0)},
        description="Since the period began, or the last reset.",
    )
    budget = _both_cases(_kept())
    budget["properties"]["usage"] = usage
    has_more = flag("Whether more rows lie in the direction asked for.")
    return {
        "BudgetCreate": _either_case(_new()),
        "BudgetUpdate": _either_case(
            record(
                optional=_settings(is_new=False),
                description=f"Only what is there changes. {EITHER_CASE}",
            )
        ),
        "EmbeddedBudget": _kept(),
        "Budget": budget,
        "BudgetBody": record({"budget": ref("Budget")}),
        "BudgetList": record(
            {
                "object": one_of(["list"]),
                "data": list_of(ref("Budget")),
                "hasMore": has_more,
                "has_more": has_more,
            }
        ),
        "BudgetConsumption": _consumed(),
    }


def _kept() -> Schema:
    """Return the record in snake_case."""
    alert = record(
        {
            "id": text(),
            "threshold_percent": whole(1, 100),
            "notifier_ids": list_of(text()),
            "dimension": one_of([*ALERT_DIMENSIONS]),
        }
    )
    limits = record(
        {"period": one_of([*PERIODS])},
        {"amount": number("US dollars."), "token_limit": whole(0)},
    )
    scopes = {kind: record({name: text()}) for kind, (name, _, _) in TARGETS.items()}
    cel = text("The expression that a call must fulfil; empty: every call.")
    return record(
        {
            "budget_id": own_id(),
            "match": record({"cel": cel}),
            "limits": limits,
            "mode": _mode(),
            "time_zone": text("IANA; the periods are its calendar's."),
            "week_starts_on": one_of([*WEEKDAYS]),
            "is_active": flag(),
            "created_at": moment(),
            "updated_at": moment(),
        },
        {
            "scope": record(
                optional={"workspace": record(), **scopes},
                description="Absent from a budget with an expression of its own.",
                minProperties=1,
            ),
            "rate_limit": record({"requests_per_minute": whole(1)}),
            "alerts": list_of(alert, "Kept; they are not delivered yet."),
            "expires_at": moment("It limits nothing from then on."),
        },
    )


def _both_cases(schema: Schema) -> Schema:
    """Return the schema of the same record with every name in camelCase as well."""
    made = _respelled(schema, _both_cases)
    if "required" in schema:
        made["required"] = [
            spelled for name in schema["required"] for spelled in _spellings(name)
        ]
    return made


def _either_case(schema: Schema) -> Schema:
    """Return the schema of the same record with every name in one case or the other."""
    made = _respelled(schema, _either_case)
    names = made.pop("required", [])
    if plain := [name for name in names if len(_spellings(name)) == 1]:
        made["required"] = plain
    if others := [name for name in names if name not in plain]:
        made["allOf"] = [
            {"anyOf": [{"required": [spelled]} for spelled in _spellings(name)]}
            for name in others
        ]
    return made


def _respelled(schema: Schema, inner: Callable[[Schema], Schema]) -> Schema:
    """Return the schema with every property under both spellings of its name."""
    made = dict(schema)
    if "items" in schema:
        made["items"] = inner(schema["items"])
    if "properties" in schema:
        made["properties"] = {
            spelled: inner(each)
            for name, each in schema["properties"].items()
            for spelled in _spellings(name)
        }
    return made


def _spellings(name: str) -> list[str]:
    return [*dict.fromkeys([camel_case(name), name])]


def _mode() -> Schema:
    return one_of(
        Budget.Mode.values,
        "`hard`: refuses once the limit is reached; `strict`: refuses what could pass "
        "it; `shadow`: refuses nothing. Our own addition.",
    )


def _new() -> Schema:
    """Return the body of a new budget; what depends on each other is said in words."""
    return record(
        {"limits": _limits(is_new=True)},
        {"scope": or_null(_scope()), **_settings(is_new=True)},
        "Exactly one of `scope` and `match`; at least one of `limits.amount`, "
        f"`limits.token_limit` and `rate_limit`. {EITHER_CASE}",
        oneOf=[
            {"required": [name], "properties": {name: {"type": "object"}}}
            for name in ("scope", "match")
        ],
    )


def _scope() -> Schema:
    """Return the scope of a request: exactly one."""
    kinds = {
        kind: record({name: external_id(most)}, description=description)
        for kind, (name, most, description) in TARGETS.items()
    }
    return record(
        optional={"workspace": record(description="All calls."), **kinds},
        description="Exactly one of these; at most one budget each.",
        minProperties=1,
        maxProperties=1,
    )


def _limits(*, is_new: bool) -> Schema:
    period = {"period": one_of([*PERIODS])}
    clears = "" if is_new else " `null` takes the limit away."
    amount = number(
        f"US dollars, at most ten decimals.{clears}", maximum=float(USD_MAX)
    )
    amounts = {
        "amount": or_null(amount),
        "token_limit": or_null(whole(0, TOKENS_MAX)),
    }
    return record(period if is_new else {}, amounts if is_new else period | amounts)


def _settings(*, is_new: bool) -> dict[str, Schema]:
    """Return what a new budget may have and an old one may change."""
    alert = record(
        {
            "threshold_percent": whole(1, 100),
            "notifier_ids": list_of(
                text(minLength=1, maxLength=ALERT_ID_MAX),
                minItems=1,
                maxItems=NOTIFIERS_MOST,
                uniqueItems=True,
            ),
        },
        {
            "id": or_null(text("Of one that is there.", maxLength=ALERT_ID_MAX)),
            "dimension": one_of([*ALERT_DIMENSIONS]),
        },
    )
    expression = text(
        "CEL, over `model`, `provider`, `model_id`, `api_key`, `identity`, `project`, "
        "`metadata` and `headers`.",
        format="cel",
        minLength=1,
        maxLength=EXPRESSION_MAX,
    )
    rate = or_null(whole(1, RATE_MAX, "In any 60 seconds."))
    fields: dict[str, Any] = {
        "rate_limit": or_null(record({"requests_per_minute": rate})),
        "match": or_null(record({"cel": expression})),
        "alerts": or_null(list_of(alert, maxItems=ALERTS_MOST)),
        "mode": _mode(),
        "time_zone": text(
            "IANA, such as `Europe/Amsterdam`; UTC by default.", format="time-zone"
        ),
        "week_starts_on": one_of([*WEEKDAYS], "Monday by default."),
        "is_active": flag("True by default."),
        "expires_at": or_null(moment("In the future, while it is active.")),
    }
    if is_new:
        return fields
    return {
        "limits": _limits(is_new=False),
        **fields,
        "clear_expires_at": flag("Instead of `expires_at`."),
        "clear_alerts": flag("Instead of `alerts`."),
    }


def _consumed() -> Schema:
    return record(
        {
            "budget_id": own_id(),
            "period": one_of([*PERIODS]),
            "cost": number("US dollars."),
            "tokens": whole(0),
            "requests_in_window": whole(0),
        },
        {
            "period_date": text(
                "The period's first day, month or year; a one-time budget has none."
            )
        },
    )


def _list() -> Parts:
    return BUDGETS.operation(
        "list_budgets",
        "List budgets",
        parameters=LISTED,
        answers={200: Answer("One page, with usage.", ref("BudgetList"))},
    )


def _create() -> Parts:
    return BUDGETS.operation(
        "create_budget",
        "Create a budget",
        description="It counts what the open period already holds.",
        body=ref("BudgetCreate"),
        answers={200: Answer("Created.", ref("BudgetBody"))},
        errors=[409],
    )


def _get() -> Parts:
    return BUDGETS.operation(
        "get_budget",
        "Retrieve a budget",
        parameters=[ID],
        answers={200: Answer("The budget, with usage.", ref("BudgetBody"))},
        errors=[404],
    )


def _update() -> Parts:
    return BUDGETS.operation(
        "update_budget",
        "Change a budget",
        description="Its scope never changes; what is spent stays counted.",
        parameters=[ID],
        body=ref("BudgetUpdate"),
        needs_body=False,
        answers={200: Answer("The budget as it is now.", ref("BudgetBody"))},
        errors=[404],
    )


def _delete() -> Parts:
    return BUDGETS.operation(
        "delete_budget",
        "Delete a budget",
        parameters=[ID],
        answers={200: Answer("Deleted.", record(maxProperties=0))},
        errors=[404],
    )


def _reset() -> Parts:
    return BUDGETS.operation(
        "reset_budget",
        "Reset what a budget has counted",
        description="It counts from now on; usage stays on record.",
        parameters=[ID],
        body=record(),
        needs_body=False,
        answers={200: Answer("The budget.", ref("BudgetBody"))},
        errors=[404],
    )


def _consumption() -> Parts:
    return BUDGETS.operation(
        "budget_consumption",
        "What the open period has consumed",
        parameters=[ID],
        answers={200: Answer("The figures.", ref("BudgetConsumption"))},
        errors=[404],
    )
