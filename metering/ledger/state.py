"""The arithmetic of one batch, in memory under the row locks of its windows. Pure.

`metering.admission` decides; here the decisions are applied one after another, so
that the second call of a batch sees what the first one holds.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from metering.admission import Account, Estimate, Reason, Refusal, judge
from metering.calls import Call, Outcome, Status
from metering.ledger.requests import (
    Admission,
    Admit,
    Answer,
    Release,
    Request,
    Settle,
    Settlement,
)
from metering.ledger.rows import AccountKey, call_row, event_row
from metering.ledger.scopes import BudgetBook

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Held:
    """What a hold under lock says."""

    usd: Decimal
    tokens: int
    matched_budget_ids: tuple[UUID, ...]


class WindowsMissingError(Exception):
    """A window has no row yet; create it and run the batch again."""


@dataclass(slots=True)
class Entry:
    """A window row under lock, and what this batch adds to it."""

    account: Account
    is_deciding: bool
    is_waited_for: bool
    added: dict[str, Any] = field(default_factory=lambda: defaultdict(int))

    def add(self, **amounts: Decimal | int) -> None:
        """Add to the row and to what the batch's later decisions see."""
        for name, amount in amounts.items():
            self.added[name] += amount
            setattr(self.account, name, getattr(self.account, name) + amount)


@dataclass(slots=True)
class Batch:
    """The state of one transaction between its reads and its writes."""

    requests: Sequence[Request]
    book: BudgetBook
    entries: dict[AccountKey, Entry]
    holds: dict[UUID, Held]
    events: dict[UUID, str]
    queued_budgets: frozenset[UUID]
    blocked: set[UUID] = field(default_factory=set)
    answers: dict[int, Answer] = field(default_factory=dict)
    freed: set[UUID] = field(default_factory=set)
    waited_for: set[UUID] = field(default_factory=set)
    new_holds: list[dict[str, Any]] = field(default_factory=list)
    gone_holds: list[UUID] = field(default_factory=list)
    new_events: list[dict[str, Any]] = field(default_factory=list)
    lost_events: list[Call] = field(default_factory=list)
    days: dict[tuple[Any, ...], dict[str, Any]] = field(default_factory=dict)
    refusals: dict[tuple[UUID, str, str], tuple[int, datetime]] = field(
        default_factory=dict
    )

    def entries_of(self, call: Call) -> list[Entry]:
        """Return the windows that the call counts in, by its time and scope."""
        keys = [(b.id, *window) for b, window in self.book.windows_of(call)]
        if not self.entries.keys() >= set(keys):
            raise WindowsMissingError
        return [self.entries[key] for key in keys]

    def settle_all(self) -> None:
        """Apply settlements and releases."""
        for position, request in enumerate(self.requests):
            if isinstance(request, Settle):
                call = self._as_held(request.call)
                self.answers[position] = self._settle(call, request.outcome)
            elif isinstance(request, Release):
                call = self._as_held(request.call)
                self._give_back(call, self.entries_of(call))
                self.answers[position] = Settlement(is_new=False)

    def _as_held(self, call: Call) -> Call:
        """Return the call with the expressions its hold counts against."""
        hold = self.holds.get(call.id)
        if hold is None:
            return call
        return replace(call, matched_budget_ids=hold.matched_budget_ids)

    def _settle(self, call: Call, outcome: Outcome) -> Settlement:
        entries = self.entries_of(call)
        had_hold = self._give_back(call, entries)
        before = None if had_hold else self.events.get(call.id)
        if before is not None and (
            before != Status.LOST or outcome.status is Status.LOST
        ):
            return Settlement(is_new=False)
        if not had_hold and before is None and outcome.status is Status.LOST:
            return Settlement(is_new=False)
        self._record(call, outcome, entries, replaces_lost=before is not None)
        deciding = tuple(entry.account for entry in entries if entry.is_deciding)
        return Settlement(is_new=True, accounts=deciding)

    def _give_back(self, call: Call, entries: list[Entry]) -> bool:
        """Take the call's hold out of its windows; return whether there was one."""
        hold = self.holds.pop(call.id, None)
        if hold is None:
            return False
        self.gone_holds.append(call.id)
        for entry in entries:
            entry.add(held_usd=-hold.usd, held_tokens=-hold.tokens, held_requests=-1)
            self.freed.add(entry.account.budget_id)
        return True

    def _record(
        self, call: Call, outcome: Outcome, entries: list[Entry], *, replaces_lost: bool
    ) -> None:
        """Write the event and count it in its windows and its day."""
        if replaces_lost:
            self.lost_events.append(call)
        self.events[call.id] = outcome.status
        self.new_events.append(event_row(call, outcome))
        requests = 0 if replaces_lost else 1
        for entry in entries:
            entry.add(
                settled_usd=outcome.cost_usd or ZERO,
                settled_tokens=outcome.tokens.total,
                settled_requests=requests,
            )
        self._count_day(call, outcome, requests)

    def _count_day(self, call: Call, outcome: Outcome, requests: int) -> None:
        day = call.occurred_at.astimezone(UTC).date().isoformat()
        whose = (str(call.workspace_id), call.external_id)
        key = (*whose, day, call.provider_key, call.model)
        sums = self.days.setdefault(key, defaultdict(int))
        sums["requests"] += requests
        sums["found"] += 1 - requests
        sums["errors"] += outcome.status is not Status.OK
        sums["unpriced"] += outcome.cost_usd is None
        sums["input_tokens"] += outcome.tokens.input
        sums["cached_tokens"] += outcome.tokens.cached
        sums["output_tokens"] += outcome.tokens.output
        sums["reasoning_tokens"] += outcome.tokens.reasoning
        sums["cost_usd"] += outcome.cost_usd or ZERO
        sums["latency_ms"] += outcome.latency_ms

    def admit_all(self) -> None:
        """Decide admissions in the order they came."""
        for position, request in enumerate(self.requests):
            if isinstance(request, Admit):
                self.answers[position] = self._admit(request)

    def _admit(self, request: Admit) -> Admission:
        call = self.book.identify(request)
        entries = self.entries_of(call)
        accounts = tuple(entry.account for entry in entries if entry.is_deciding)
        verdict = judge(accounts, request.estimate, call.occurred_at)
        refusal = verdict.refusal
        blocker = self._blocker(request, refusal, accounts)
        if blocker is not None:
            self.blocked.add(blocker)
            self.waited_for.add(blocker)
            return Admission(call, refusal, waits_for=blocker, accounts=accounts)
        for shadow in verdict.shadow:
            self._count_refusal(shadow, f"shadow_{shadow.code}", request.now)
        if refusal is not None:
            self._count_refusal(refusal, refusal.code, request.now)
        else:
            self._hold(call, request.estimate, entries)
        return Admission(call, refusal, shadow=verdict.shadow, accounts=accounts)

    def _blocker(
        self, request: Admit, refusal: Refusal | None, accounts: tuple[Account, ...]
    ) -> UUID | None:
        """Return the budget whose queue the call must join, or None.

        It joins the queue of a budget that running calls hold, and of one that
        earlier calls wait for: first come, first served. A call that costs nothing
        waits for no money.
        """
        if request.is_last_try:
            return None
        if refusal is not None:
            return refusal.budget_id if refusal.reason is Reason.HELD else None
        waited = self.blocked
        if not request.is_queued:
            waited = waited | self.queued_budgets
        limiting = (a.budget_id for a in accounts if any(a.limits(request.estimate)))
        return next((budget for budget in limiting if budget in waited), None)

    def _hold(self, call: Call, estimate: Estimate, entries: list[Entry]) -> None:
        usd = estimate.cost_usd or ZERO
        for entry in entries:
            entry.add(held_usd=usd, held_tokens=estimate.tokens, held_requests=1)
            entry.account.recent.append(call.occurred_at)
        row = call_row(call)
        self.new_holds.append({**row, "held_usd": usd, "held_tokens": estimate.tokens})

    def _count_refusal(self, refusal: Refusal, code: str, now: datetime) -> None:
        key = (refusal.budget_id, now.astimezone(UTC).date().isoformat(), code)
        count, _ = self.refusals.get(key, (0, now))
        self.refusals[key] = (count + 1, now)
