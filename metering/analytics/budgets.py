"""Budgets as a page shows them: how full, which state, when they begin again."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from metering.analytics.recent import count_recent
from metering.analytics.spans import read_rows
from metering.models import Budget
from metering.selectors import BudgetUsage, budget_usage, list_budgets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from identities.models import Workspace

NEAR_RATIO = Decimal("0.8")
"""From here on a budget is called nearly used up."""

OK, NEAR, BLOCKED, OFF = "ok", "near", "blocked", "off"
OVER = "over"
"""A shadow budget past its limit: it refuses nothing."""


@dataclass(frozen=True, slots=True)
class LimitUse:
    """One limit of a budget beside what stands against it, in its own unit.

    Attributes:
        unit: `usd`, `tokens`, or `requests` (in the 60 seconds before now).
        held: set aside for calls under way; those count as requests at once.
    """

    unit: str
    limit: Decimal | int
    used: Decimal | int
    held: Decimal | int = 0

    @property
    def ratio(self) -> Decimal:
        """Share used; may pass 1."""
        return _share(self.used, self.limit)

    @property
    def held_ratio(self) -> Decimal:
        """Share used and set aside."""
        return _share(self.used + self.held, self.limit)


@dataclass(frozen=True, slots=True)
class BudgetCard:
    """A budget with what its open window has used.

    Attributes:
        recent_requests: in the 60 seconds before `now`, where they are limited.
    """

    budget: Budget
    usage: BudgetUsage
    now: datetime
    recent_requests: int = 0

    @property
    def uses(self) -> list[LimitUse]:
        """Its limits: cost, tokens, requests, as far as they are set."""
        budget, usage = self.budget, self.usage
        candidates = (
            ("usd", budget.amount_usd, usage.settled_usd, usage.held_usd),
            ("tokens", budget.token_limit, usage.settled_tokens, usage.held_tokens),
            ("requests", budget.requests_per_minute, self.recent_requests, 0),
        )
        return [
            LimitUse(unit, limit, used, held)
            for unit, limit, used, held in candidates
            if limit is not None
        ]

    @property
    def binding(self) -> LimitUse:
        """The limit that is nearest to its end."""
        return max(self.uses, key=lambda use: use.ratio)

    @property
    def ratio(self) -> Decimal:
        """Share used of the limit that is nearest to its end; may pass 1."""
        return self.binding.ratio

    @property
    def held_ratio(self) -> Decimal:
        """Share of the same limit that is used or set aside for calls under way."""
        return self.binding.held_ratio

    @property
    def is_on(self) -> bool:
        """Whether admission asks this budget at all."""
        ends_at = self.budget.expires_at
        return self.budget.is_active and (ends_at is None or ends_at > self.now)

    @property
    def state(self) -> str:
        """One of ok, near, blocked, over (shadow mode) and off."""
        if not self.is_on:
            return OFF
        if self.ratio >= 1:
            return OVER if self.budget.mode == Budget.Mode.SHADOW else BLOCKED
        return NEAR if self.ratio >= NEAR_RATIO else OK

    @property
    def resets_at(self) -> datetime | None:
        """When spend begins again at zero; None for a one-time budget."""
        return self.usage.window.resets_at


def _share(used: Decimal | int, limit: Decimal | int) -> Decimal:
    return Decimal(used) / Decimal(limit) if limit else Decimal(1)


@dataclass(frozen=True, slots=True)
class Attention:
    """Whose budget is nearly or wholly used up, over the whole workspace."""

    near: list[str] = field(default_factory=list)
    blocked: list[str] = field(default_factory=list)
    workspace: BudgetCard | None = None


# Candidates only: a superset of what may be 80 % full, found by index. A budget whose
# window has no row yet is one if the days that can lie in it hold so much; those of
# other scopes are few enough to be computed.
_CANDIDATES = """
WITH open AS (
    SELECT b.id, b.scope_kind, b.scope_target, w.id AS window_id,
        b.amount_usd * %(near)s AS near_usd, b.token_limit * %(near)s AS near_tokens,
        w.settled_usd, w.settled_tokens,
        CASE b.period
            WHEN 'daily' THEN %(now)s::date - 2
            WHEN 'weekly' THEN %(now)s::date - 8
            WHEN 'monthly' THEN %(now)s::date - 32
            WHEN 'yearly' THEN %(now)s::date - 367
            ELSE '-infinity'::date END AS first_day
    FROM budget b
    LEFT JOIN budget_window w
        ON w.budget_id = b.id AND w.starts_at <= %(now)s AND w.ends_at > %(now)s
    WHERE b.workspace_id = %(workspace)s AND b.is_active
      AND (b.expires_at IS NULL OR b.expires_at > %(now)s)
)
SELECT id FROM open
WHERE near_usd = 0 OR near_tokens = 0 OR settled_usd >= near_usd
   OR settled_tokens >= near_tokens OR (window_id IS NULL AND scope_kind <> 'identity')
UNION
SELECT open.id FROM open CROSS JOIN LATERAL (
    SELECT sum(u.cost_usd) AS usd, sum(u.input_tokens + u.output_tokens) AS tokens
    FROM usage_daily u
    WHERE u.workspace_id = %(workspace)s AND u.external_id = open.scope_target
      AND u.day >= open.first_day
) used
WHERE open.window_id IS NULL AND open.scope_kind = 'identity'
  AND (used.usd >= open.near_usd OR used.tokens >= open.near_tokens)
"""


def cards_of(budgets: Iterable[Budget], *, now: datetime) -> list[BudgetCard]:
    """Return the budgets with their usage, in their order.

    At most four queries, and one for each kind of scope that limits requests.
    """
    rows = list(budgets)
    usage = budget_usage(rows, now=now)
    recent = count_recent(rows, now=now)
    return [BudgetCard(row, usage[row.pk], now, recent.get(row.pk, 0)) for row in rows]


def cards_by_target(
    workspace: Workspace, external_ids: Sequence[str], *, now: datetime
) -> dict[str, BudgetCard]:
    """Return external_id -> card for those that have a budget. At most six queries."""
    rows = list_budgets(workspace).filter(
        scope_kind=Budget.ScopeKind.IDENTITY, scope_target__in=external_ids
    )
    return {card.budget.scope_target: card for card in cards_of(rows, now=now)}


def budgets_in_need(workspace: Workspace, *, now: datetime) -> Attention:
    """Return whose budget is near its limit or past it, of the whole workspace.

    Exact, though only candidates are computed. At most eight queries.
    """
    params = {"workspace": workspace.pk, "now": now, "near": NEAR_RATIO}
    wanted: list[UUID] = [row["id"] for row in read_rows(_CANDIDATES, params)]
    if not wanted:
        return Attention()
    cards = cards_of(list_budgets(workspace).filter(pk__in=wanted), now=now)
    of_workspace = [c for c in cards if c.budget.scope_kind == "workspace"]
    named = [c for c in cards if c.budget.scope_kind == "identity"]
    return Attention(
        near=[c.budget.scope_target for c in named if c.state == NEAR],
        blocked=[c.budget.scope_target for c in named if c.state == BLOCKED],
        workspace=next((c for c in of_workspace if c.state in {NEAR, BLOCKED}), None),
    )


def budget_table(workspace: Workspace, *, now: datetime) -> list[BudgetCard]:
    """Return every budget of a workspace, the fullest first, those off last."""
    cards = cards_of(list_budgets(workspace), now=now)
    return sorted(cards, key=lambda card: (not card.is_on, -card.ratio))
