"""The words of the v2 API for what budgets are made of. Pure."""

from __future__ import annotations

PERIODS = {
    "BUDGET_PERIOD_DAILY": "daily",
    "BUDGET_PERIOD_WEEKLY": "weekly",
    "BUDGET_PERIOD_MONTHLY": "monthly",
    "BUDGET_PERIOD_YEARLY": "yearly",
    "BUDGET_PERIOD_ONE_TIME": "one_time",
}
PERIOD_NAMES = {period: name for name, period in PERIODS.items()}

SCOPE_KINDS = {
    f"BUDGET_SCOPE_KIND_{kind.upper()}": kind
    for kind in ("workspace", "project", "identity", "api_key", "provider", "model")
}
"""A budget with an expression has no kind on the wire: its scope is left out."""

ALERT_DIMENSIONS = {"BUDGET_ALERT_DIMENSION_COST": "cost"}
ALERT_DIMENSION_NAMES = {kept: name for name, kept in ALERT_DIMENSIONS.items()}

WEEKDAYS = {
    name: number
    for number, name in enumerate(
        (
            "monday",
            "tuesday",
            "wednesday",
            "thursday",
            "friday",
            "saturday",
            "sunday",
        ),
        start=1,
    )
}
"""Name -> ISO day of the week."""
WEEKDAY_NAMES = {number: name for name, number in WEEKDAYS.items()}
