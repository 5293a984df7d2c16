"""The decision whether a call may run: pure, so that property tests can drive it.

Rule (docs/adr/0001): for every active matching budget and each of its limits,
hard    admits while `settled + held < limit`: at most one call passes the limit;
strict  admits while `settled + held + estimate <= limit`: nothing passes it;
shadow  never refuses, and reports what hard would have done.
All matching budgets admit, or none is charged. A call that costs nothing passes a
cost limit, whatever was spent.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from uuid import UUID

    from metering.periods import Window


MINUTE = timedelta(seconds=60)


class Mode(StrEnum):
    """How a budget decides."""

    HARD = "hard"
    STRICT = "strict"
    SHADOW = "shadow"


class Dimension(StrEnum):
    """What a limit counts."""

    COST = "cost"
    TOKENS = "tokens"
    REQUESTS = "requests"


class Reason(StrEnum):
    """SPENT lasts until the window ends, HELD until running calls settle.

    UNPRICED: the budget counts dollars and nobody knows what the call costs.
    """

    SPENT = "spent"
    HELD = "held"
    UNPRICED = "unpriced"


@dataclass(frozen=True, slots=True)
class Estimate:
    """The worst that a call can use.

    Attributes:
        cost_usd: None when the model has no price.
        is_unpriced_refused: the workspace's answer to a model without a price.
    """

    cost_usd: Decimal | None
    tokens: int
    is_unpriced_refused: bool = True


@dataclass(slots=True)
class Account:
    """A budget's current window as one batch sees it; the batch adds as it goes."""

    budget_id: UUID
    scope_kind: str
    scope_target: str
    mode: str
    amount_usd: Decimal | None
    token_limit: int | None
    window: Window
    settled_usd: Decimal
    settled_tokens: int
    settled_requests: int
    held_usd: Decimal
    held_tokens: int
    held_requests: int
    requests_per_minute: int | None = None
    recent: list[datetime] = field(default_factory=list)
    """Arrivals of admitted calls in the last minute, where they are limited."""

    def refuse_rate(self, at: datetime) -> Refusal | None:
        """Refuse a call that would be one too many in the 60 seconds up to it.

        Exact over any rolling minute; it never waits, and refused calls do not
        count.
        """
        limit = self.requests_per_minute
        if limit is None:
            return None
        counted = sorted(moment for moment in self.recent if moment > at - MINUTE)
        if len(counted) < limit:
            return None
        return Refusal(
            budget_id=self.budget_id,
            scope_kind=self.scope_kind,
            scope_target=self.scope_target,
            dimension=Dimension.REQUESTS,
            reason=Reason.SPENT,
            limit=Decimal(limit),
            settled=Decimal(len(counted)),
            held=Decimal(0),
            resets_at=counted[-limit] + MINUTE,
        )

    def limits(self, estimate: Estimate) -> Iterator[Limit]:
        """Yield the limits that this call is measured against."""
        if self.amount_usd is not None and estimate.cost_usd != 0:
            yield Limit(
                Dimension.COST,
                self.amount_usd,
                self.settled_usd,
                self.held_usd,
                estimate.cost_usd or Decimal(0),
                is_unpriced=estimate.cost_usd is None and estimate.is_unpriced_refused,
            )
        if self.token_limit is not None:
            yield Limit(
                Dimension.TOKENS,
                Decimal(self.token_limit),
                Decimal(self.settled_tokens),
                Decimal(self.held_tokens),
                Decimal(estimate.tokens),
            )


@dataclass(frozen=True, slots=True)
class Limit:
    """One number of a budget beside what stands against it, in its own unit."""

    dimension: Dimension
    limit: Decimal
    settled: Decimal
    held: Decimal
    estimate: Decimal
    is_unpriced: bool = False

    def objection(self, *, strict: bool) -> Reason | None:
        """Return why the call may not run now, or None."""
        if self.is_unpriced:
            return Reason.UNPRICED
        if strict:
            if self.settled + self.estimate > self.limit:
                return Reason.SPENT
            ahead = self.settled + self.held + self.estimate
            return Reason.HELD if ahead > self.limit else None
        if self.settled >= self.limit:
            return Reason.SPENT
        return Reason.HELD if self.settled + self.held >= self.limit else None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one budget stands against a call; amounts in USD or tokens."""

    budget_id: UUID
    scope_kind: str
    scope_target: str
    dimension: Dimension
    reason: Reason
    limit: Decimal
    settled: Decimal
    held: Decimal
    resets_at: datetime | None

    @property
    def code(self) -> str:
        """The wire's code (contract 6.7)."""
        if self.reason is Reason.UNPRICED:
            return "unpriced_model"
        return _CODES[self.dimension]


_CODES = {
    Dimension.COST: "cost_budget_exceeded",
    Dimension.TOKENS: "token_budget_exceeded",
    Dimension.REQUESTS: "requests_per_minute_exceeded",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusal` None: the call may run. `shadow`: who would have refused it."""

    refusal: Refusal | None
    shadow: tuple[Refusal, ...] = ()


def judge(accounts: Iterable[Account], estimate: Estimate, at: datetime) -> Verdict:
    """Decide one call, arrived at `at`, against all budgets that match it.

    Of several refusals the one that lasts longest is returned: unpriced, then spent,
    then held; of equals the one that resets last, so that a client never comes
    back in vain.
    """
    refusals: list[Refusal] = []
    shadow: list[Refusal] = []
    for account in accounts:
        found = shadow if account.mode == Mode.SHADOW else refusals
        rate = account.refuse_rate(at)
        if rate is not None:
            found.append(rate)
        strict = account.mode == Mode.STRICT
        for limit in account.limits(estimate):
            reason = limit.objection(strict=strict)
            if reason is not None:
                found.append(_refuse(account, limit, reason))
    worst = max(refusals, key=_lasting, default=None)
    return Verdict(worst, tuple(shadow))


def _refuse(account: Account, limit: Limit, reason: Reason) -> Refusal:
    return Refusal(
        budget_id=account.budget_id,
        scope_kind=account.scope_kind,
        scope_target=account.scope_target,
        dimension=limit.dimension,
        reason=reason,
        limit=limit.limit,
        settled=limit.settled,
        held=limit.held,
        resets_at=account.window.resets_at,
    )


def _lasting(refusal: Refusal) -> tuple[int, bool, float]:
    """Order refusals by how long they last."""
    order = (Reason.HELD, Reason.SPENT, Reason.UNPRICED)
    never = refusal.resets_at is None
    instant = 0.0 if refusal.resets_at is None else refusal.resets_at.timestamp()
    return order.index(refusal.reason), never, instant
