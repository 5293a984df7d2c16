"""How many calls the last minute held, for budgets that limit them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import connection

from metering.admission import MINUTE
from metering.ledger_sql import read_recent_sql, sql_target

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from metering.models import Budget


def count_recent(budgets: Iterable[Budget], *, now: datetime) -> dict[UUID, int]:
    """Return the calls of the last 60 seconds, by id of the budgets that limit them.

    At most as many as the limit. One query for each kind of scope among them.
    """
    found: dict[UUID, int] = {}
    limited = [each for each in budgets if each.requests_per_minute]
    with connection.cursor() as cursor:
        for kind in {each.scope_kind for each in limited}:
            rows = [_params_of(b, now) for b in limited if b.scope_kind == kind]
            columns = [list(column) for column in zip(*rows, strict=True)]
            cursor.execute(read_recent_sql(kind), columns)
            found |= {row[0]: len(row[1]) for row in cursor.fetchall()}
    return found


def _params_of(budget: Budget, now: datetime) -> tuple[Any, ...]:
    since = max(now - MINUTE, budget.reset_at or now - MINUTE)
    place = (budget.pk, budget.workspace_id, sql_target(budget))
    return (*place, since, budget.requests_per_minute)
