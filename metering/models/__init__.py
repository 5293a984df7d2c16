"""The tables of metering.

`metering.ledger` is the only writer of budget_window, budget_refusal, hold,
usage_event and usage_daily; the models here describe those tables to readers.
"""

from __future__ import annotations

from metering.models.budgets import Budget, BudgetRefusal, BudgetWindow
from metering.models.routing import Deployment, ModelPrice, Provider
from metering.models.usage import Hold, UsageDaily, UsageEvent

__all__ = [
    "Budget",
    "BudgetRefusal",
    "BudgetWindow",
    "Deployment",
    "Hold",
    "ModelPrice",
    "Provider",
    "UsageDaily",
    "UsageEvent",
]
