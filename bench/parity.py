"""After the load: does the ledger agree with what the clients were answered?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

_COUNTS = """
SELECT
    (SELECT count(*) FROM usage_event),
    (SELECT count(*) FROM usage_event WHERE status = 'ok'),
    (SELECT coalesce(sum(requests), 0) FROM usage_daily),
    (SELECT coalesce(sum(settled_requests), 0) FROM budget_window),
    (SELECT coalesce(sum(cost_usd), 0) FROM usage_event),
    (SELECT coalesce(sum(cost_usd), 0) FROM usage_daily),
    (SELECT coalesce(sum(settled_usd), 0) FROM budget_window),
    (SELECT count(*) FROM hold),
    (SELECT coalesce(sum(held_usd), 0) FROM budget_window)
"""


@dataclass(frozen=True, slots=True)
class Books:
    """What clients saw beside what each table says; amounts in USD."""

    answers: int
    events: int
    ok_events: int
    daily_requests: int
    window_requests: int
    expected_cost_usd: Decimal
    events_cost_usd: Decimal
    daily_cost_usd: Decimal
    windows_cost_usd: Decimal
    holds: int
    held_usd: Decimal

    @property
    def is_exact(self) -> bool:
        """Every count and every amount is the same, and nothing is held."""
        counts = {self.events, self.ok_events, self.daily_requests}
        costs = {self.events_cost_usd, self.daily_cost_usd, self.windows_cost_usd}
        return (
            counts | {self.window_requests} == {self.answers}
            and costs == {self.expected_cost_usd}
            and self.holds == 0
            and self.held_usd == 0
        )

    def as_json(self) -> dict[str, Any]:
        """Return the figures and the verdict."""
        return {**asdict(self), "is_exact": self.is_exact}


def read_books(answers: int) -> Books:
    """Compare so many answers of status 200 with the ledger's tables."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_COUNTS)
        row = cursor.fetchone()
    return Books(
        answers, *map(int, row[:4]), answers * _cost_of_one_usd(), *row[4:7], *row[7:]
    )


def _cost_of_one_usd() -> Decimal:
    from django.utils import timezone

    from bench.upstream import INPUT_TOKENS, MODEL, OUTPUT_TOKENS
    from metering.pricing import Tokens, find_catalogue_price

    price = find_catalogue_price("openai", MODEL, timezone.now())
    assert price is not None
    return price.cost_usd(Tokens(input=INPUT_TOKENS, output=OUTPUT_TOKENS))
