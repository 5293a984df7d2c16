"""The ledger against a reference of a few lines, driven at random, checked always.

After every step: what a window row says is the plain sum of events and live holds,
and every decision was the one that the budget's mode demands.
"""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from metering.calls import Call, Status
from metering.ledger.actor import Ledger, LedgerSettings
from metering.ledger.spool import Spool
from metering.models import Budget
from metering.periods import Window, effective_window
from metering.selectors import budget_usage, period_of
from metering.services import (
    create_budget,
    delete_budget,
    reset_budget,
    update_budget,
)
from orqstudio.lib.database_url import conninfo
from tests.committed import Facts, committed_workspace
from tests.conftest import NOON
from tests.ledger.kit import (
    LOST,
    make_call,
    outcome,
    require_one_truth,
    sum_window,
    worst,
)

pytestmark = [pytest.mark.race, pytest.mark.slow]

PEOPLE = ("alice", "bob")
TARGETS = ("", *PEOPLE)
PERIODS = ("daily", "weekly", "monthly", "yearly", "one_time")
ZONES = ("UTC", "Asia/Kathmandu", "Pacific/Pago_Pago", "Europe/Amsterdam")

# Few different amounts, so that sums often meet a limit exactly.
dollars = st.integers(0, 8).map(lambda halves: Decimal(halves) / 2)
tokens = st.integers(0, 8)
asks = st.tuples(st.integers(0, 1), st.sampled_from(TARGETS), dollars, tokens)
limits = st.one_of(
    st.fixed_dictionaries({"amount_usd": dollars, "token_limit": st.none()}),
    st.fixed_dictionaries({"amount_usd": st.none(), "token_limit": tokens}),
    st.fixed_dictionaries({"amount_usd": dollars, "token_limit": tokens}),
)
shapes = st.fixed_dictionaries(
    {
        "period": st.sampled_from(PERIODS),
        "time_zone": st.sampled_from(ZONES),
        "mode": st.sampled_from(["hard", "strict", "shadow"]),
        "is_active": st.booleans() | st.just(True),
    }
)


@dataclass
class Reference:
    """What must be: single rows, and sums by adding them up."""

    events: dict[Any, dict[str, Any]] = field(default_factory=dict)
    holds: dict[Any, dict[str, Any]] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)

    def figures(self, budget: Budget, window: Window) -> dict[str, Any]:
        """The numbers of a window."""
        rows = list(self.events.values()), list(self.holds.values())
        return sum_window(*rows, budget.scope_kind, budget.scope_target, window)

    def admits(self, budgets: list[Budget], call: Call, usd: Decimal, n: int) -> bool:
        """Whether every budget in force lets the call run."""
        return all(self._admits(budget, call, usd, n) for budget in budgets)

    def _admits(self, budget: Budget, call: Call, usd: Decimal, n: int) -> bool:
        window = effective_window(period_of(budget), call.occurred_at)
        counts = budget.scope_target in {"", call.external_id}
        if not counts or not window or not budget.is_active or budget.mode == "shadow":
            return True
        used = self.figures(budget, window)
        pairs = []
        if budget.amount_usd is not None and usd:
            sums = used["settled_usd"] + used["held_usd"]
            pairs.append((budget.amount_usd, sums, usd))
        if budget.token_limit is not None:
            sums = used["settled_tokens"] + used["held_tokens"]
            pairs.append((budget.token_limit, sums, n))
        if budget.mode == "strict":
            return all(sums + most <= limit for limit, sums, most in pairs)
        return all(sums < limit for limit, sums, _ in pairs)


class LedgerMachine(RuleBasedStateMachine):
    """Rules are what the product does; no call waits, so each has one answer."""

    @initialize()
    def begin(self) -> None:
        self.workspace_context = committed_workspace()
        self.acme = self.workspace_context.__enter__()
        self.directory = tempfile.TemporaryDirectory()
        self.runner = asyncio.Runner()
        self.database = conninfo(connection.settings_dict)
        self.facts = Facts(self.database)
        self.ledgers = [self.make_ledger(), self.make_ledger()]
        self.reference = Reference()
        self.now = NOON

    def make_ledger(self) -> Ledger:
        async def start() -> Ledger:
            spool = Spool(Path(self.directory.name))
            ledger = Ledger(LedgerSettings(self.database, 60, 0), spool)
            ledger.start()
            return ledger

        return self.runner.run(start())

    def teardown(self) -> None:
        if not hasattr(self, "acme"):
            return
        for ledger in self.ledgers:
            self.runner.run(ledger.stop())
        self.runner.close()
        self.facts.connection.close()
        self.workspace_context.__exit__(None, None, None)
        self.directory.cleanup()

    @property
    def budgets(self) -> list[Budget]:
        return list(Budget.objects.filter(workspace=self.acme).order_by("id"))

    def pick_budget(self, data: st.DataObject) -> Budget:
        return data.draw(st.sampled_from(self.budgets))

    @rule(data=st.data(), limit=limits, shape=shapes)
    def create(self, data, limit, shape) -> None:
        taken = {budget.scope_target for budget in self.budgets}
        free = [target for target in TARGETS if target not in taken]
        if free:
            target = data.draw(st.sampled_from(free))
            create_budget(
                workspace=self.acme,
                scope_kind="identity" if target else "workspace",
                scope_target=target,
                now=self.now,
                **limit,
                **shape,
            )

    @precondition(lambda self: self.budgets)
    @rule(data=st.data(), limit=limits, shape=shapes)
    def edit(self, data, limit, shape) -> None:
        changes = {**limit, **shape}
        update_budget(budget=self.pick_budget(data), changes=changes, now=self.now)

    @precondition(lambda self: self.budgets)
    @rule(data=st.data())
    def reset(self, data) -> None:
        reset_budget(budget=self.pick_budget(data), now=self.now)

    @precondition(lambda self: self.budgets)
    @rule(data=st.data())
    def delete(self, data) -> None:
        delete_budget(budget=self.pick_budget(data))

    @rule()
    def forget_windows(self) -> None:
        self.facts.rows(
            "DELETE FROM budget_window USING budget b WHERE b.id = budget_id "
            "AND b.workspace_id = %s RETURNING 1",
            self.acme.pk,
        )

    @rule(hours=st.sampled_from([1, 7, 25, 24 * 8, 24 * 40]))
    def pass_time(self, hours) -> None:
        self.now += timedelta(hours=hours)

    @rule(asks=st.lists(asks, min_size=1, max_size=6))
    def admit(self, asks) -> None:
        for node, person, usd, count in asks:
            call = make_call(self.acme, person, at=self.now)
            expected = self.reference.admits(self.budgets, call, usd, count)

            admission = self.runner.run(
                self.ledgers[node].admit(call, worst(str(usd), count), self.now)
            )

            assert (admission.refusal is None) == expected
            if expected:
                self.reference.calls.append(call)
                self.reference.holds[call.id] = {
                    "occurred_at": call.occurred_at,
                    "external_id": person,
                    "held_usd": usd,
                    "held_tokens": count,
                }

    @precondition(lambda self: self.reference.calls)
    @rule(
        data=st.data(),
        node=st.integers(0, 1),
        usd=st.none() | dollars,
        count=tokens,
        status=st.sampled_from([Status.OK, Status.OK, Status.FAILED]),
    )
    def settle(self, data, node, usd, count, status) -> None:
        """Also again, and also for a call that was taken for lost."""
        call = data.draw(st.sampled_from(self.reference.calls))
        before = self.reference.events.get(call.id)
        end = outcome(usd, count, status=status)

        settlement = self.runner.run(self.ledgers[node].settle(call, end))

        assert settlement.is_new == (before is None or before["status"] == "lost")
        if settlement.is_new:
            self.remember(call, end)

    @precondition(lambda self: self.reference.calls)
    @rule(data=st.data(), node=st.integers(0, 1))
    def lose(self, data, node) -> None:
        """A keeper finds an expired hold, or is late and finds none."""
        call = data.draw(st.sampled_from(self.reference.calls))
        is_running = call.id in self.reference.holds

        settlement = self.runner.run(self.ledgers[node].settle(call, LOST))

        assert settlement.is_new == is_running
        if is_running:
            self.remember(call, LOST)

    def remember(self, call, end) -> None:
        self.reference.holds.pop(call.id, None)
        self.reference.events[call.id] = {
            "occurred_at": call.occurred_at,
            "external_id": call.external_id,
            "cost_usd": end.cost_usd,
            "input_tokens": end.tokens.input,
            "output_tokens": end.tokens.output,
            "status": end.status,
        }

    @invariant()
    def rows_are_those_of_the_reference(self) -> None:
        if not hasattr(self, "acme"):
            return
        require_one_truth(self.facts, self.acme)
        events = {row["id"]: row for row in self.facts.events(self.acme)}
        assert events.keys() == self.reference.events.keys()
        for key, expected in self.reference.events.items():
            assert {name: events[key][name] for name in expected} == expected
        holds = {row["id"] for row in self.facts.holds(self.acme)}
        assert holds == self.reference.holds.keys()

    @invariant()
    def the_api_tells_the_sums_of_the_reference(self) -> None:
        if not hasattr(self, "acme"):
            return
        budgets = self.budgets
        usage = budget_usage(budgets, now=self.now)
        for budget in budgets:
            told = usage[budget.pk]
            expected = self.reference.figures(budget, told.window)
            assert told.settled_usd == expected["settled_usd"]
            assert told.settled_tokens == expected["settled_tokens"]
            assert told.settled_requests == expected["settled_requests"]
            assert told.held_usd == expected["held_usd"]
            assert told.held_tokens == expected["held_tokens"]


def test_the_ledger_behaves_like_the_reference(db):
    """Promise 2, B2, B4, C23: spend == sum of events, held == live holds, always."""
    run_state_machine_as_test(
        LedgerMachine,
        settings=settings(
            max_examples=50,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
