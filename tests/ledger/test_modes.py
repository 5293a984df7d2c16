"""Hard, strict and shadow budgets on the real ledger."""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from decimal import Decimal

import pytest

from metering.services import update_budget
from tests.committed import in_thread
from tests.conftest import NOON
from tests.ledger.kit import make_call, require_one_truth, run_call, worst
from tests.make import make_budget

pytestmark = pytest.mark.race


async def run_random_calls(ledgers, acme, *, seed):
    """60 calls at once that cost anything up to what they hold."""
    dice = random.Random(seed)  # noqa: S311 - a reproducible mixture
    calls = []
    for position in range(60):
        most = Decimal(dice.randint(1, 3000)) / 1000
        costs = most * dice.randint(0, 100) / 100
        calls.append(
            run_call(
                ledgers[position % len(ledgers)],
                make_call(acme),
                most=str(most),
                costs=costs.quantize(Decimal("0.00001")),
            )
        )
    return await asyncio.gather(*calls)


@pytest.mark.parametrize("seed", range(3))
async def test_strict_mode_never_passes_the_limit(acme, facts, start, seed):
    """A16: nothing of overshoot, over two ledgers, whatever calls really cost."""
    await in_thread(make_budget, acme, mode="strict")

    ends = await run_random_calls([start(), start()], acme, seed=seed)

    assert facts.spent(acme) <= 10
    assert {"ok", "spent"} == set(ends)
    require_one_truth(facts, acme)


@pytest.mark.parametrize("seed", range(3))
async def test_hard_mode_passes_the_limit_by_one_call_at_most(acme, facts, start, seed):
    await in_thread(make_budget, acme)

    await run_random_calls([start(), start()], acme, seed=seed)

    dearest = max(event["cost_usd"] for event in facts.events(acme))
    assert 10 <= facts.spent(acme) < 10 + dearest
    require_one_truth(facts, acme)


async def test_strict_mode_refuses_what_could_pass_the_limit(acme, facts, ledger):
    budget = await in_thread(make_budget, acme, mode="strict")

    ends = [
        await run_call(ledger, make_call(acme), most="9", costs="2"),
        await run_call(ledger, make_call(acme), most="9", costs="2"),
        await run_call(ledger, make_call(acme), most="8", costs="8"),
        await run_call(ledger, make_call(acme), most="0.0000000001", costs="0"),
    ]

    assert ends == ["ok", "spent", "ok", "spent"]
    assert facts.refusals(budget) == {"cost_budget_exceeded": 2}


async def test_a_shadow_budget_never_refuses_and_counts_what_it_would_have(
    acme, facts, ledger
):
    budget = await in_thread(make_budget, acme, amount_usd=Decimal(2), mode="shadow")

    ends = [await run_call(ledger, make_call(acme)) for _ in range(5)]

    assert ends == ["ok"] * 5
    assert facts.refusals(budget) == {"shadow_cost_budget_exceeded": 3}
    require_one_truth(facts, acme)


async def test_a_shadow_budget_makes_nobody_wait(acme, start):
    await in_thread(make_budget, acme, amount_usd=Decimal(1), mode="shadow")
    ledger = start(wait_s=3600)

    calls = [make_call(acme) for _ in range(5)]
    admissions = [await ledger.admit(call, worst(), NOON) for call in calls]

    assert all(admission.refusal is None for admission in admissions)
    assert [len(admission.shadow) for admission in admissions] == [0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "changes",
    [{"is_active": False}, {"expires_at": NOON + timedelta(minutes=1)}],
)
async def test_an_inactive_or_ended_budget_refuses_nothing_and_counts_on(
    acme, facts, ledger, changes
):
    """Contract 6.5: expiration ends enforcement, not the count."""
    budget = await in_thread(make_budget, acme, amount_usd=Decimal(1), now=NOON)
    await in_thread(update_budget, budget=budget, changes=changes, now=NOON)
    later = NOON + timedelta(minutes=1)

    ends = [await run_call(ledger, make_call(acme, at=later)) for _ in range(3)]

    assert ends == ["ok"] * 3
    (window,) = facts.windows(acme)
    assert window["settled_usd"] == 3
    assert facts.refusals(budget) == {}


async def test_a_call_that_costs_nothing_passes_a_spent_budget_at_once(acme, start):
    """A18: also one that others wait for."""
    await in_thread(make_budget, acme, amount_usd=Decimal(1))
    ledger = start(wait_s=3600)
    await ledger.admit(make_call(acme), worst(), NOON)
    waiting = asyncio.create_task(ledger.admit(make_call(acme), worst(), NOON))

    free = await ledger.admit(make_call(acme), worst("0"), NOON)

    assert free.refusal is None
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)


async def test_refusals_are_counted_by_budget_and_day(acme, facts, ledger):
    budget = await in_thread(make_budget, acme, amount_usd=Decimal(0), token_limit=0)
    tomorrow = NOON + timedelta(days=1)

    for at in (NOON, NOON, tomorrow):
        await run_call(ledger, make_call(acme, at=at))
        await run_call(ledger, make_call(acme, at=at), most="0")

    rows = facts.rows("SELECT * FROM budget_refusal WHERE budget_id = %s", budget.pk)
    counts = {(row["day"], row["code"]): row["refusals"] for row in rows}
    today = (
        (NOON.date(), "cost_budget_exceeded"),
        (NOON.date(), "token_budget_exceeded"),
    )
    assert counts[today[0]] + counts[today[1]] == 4
    assert sum(counts.values()) == 6
    assert facts.events(acme) == []
