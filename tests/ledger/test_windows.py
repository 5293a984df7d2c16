"""Windows are caches: whatever happens to rows or budgets, the numbers are the sum."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import pytest

from metering.services import (
    delete_budget,
    reset_budget,
    update_budget,
)
from tests.committed import in_thread
from tests.conftest import NOON
from tests.ledger.kit import (
    AMOUNTS,
    make_call,
    outcome,
    require_one_truth,
    run_call,
    worst,
)
from tests.make import make_budget, utc

pytestmark = pytest.mark.race

HOUR = timedelta(hours=1)
FORGET_WINDOWS = "DELETE FROM budget_window RETURNING 1"


def figures(facts, workspace):
    """(start, end) -> numbers of every window row."""
    return {
        (row["budget_id"], row["starts_at"], row["ends_at"]): [
            row[name] for name in AMOUNTS
        ]
        for row in facts.windows(workspace)
    }


async def spend(ledger, acme, at, *, usd="1", external_id="user_1"):
    call = make_call(acme, external_id, at=at)
    return await run_call(ledger, call, most=usd, costs=usd)


PERIODS = [
    {"period": "daily", "time_zone": "Asia/Kathmandu"},
    {"period": "weekly", "time_zone": "America/St_Johns", "week_starts_on": 6},
    {"period": "monthly", "time_zone": "Pacific/Kiritimati"},
    {"period": "yearly", "time_zone": "Pacific/Pago_Pago"},
    {"period": "monthly", "time_zone": "UTC"},
    {"period": "one_time", "time_zone": "UTC", "now": NOON - 40 * HOUR},
]


@pytest.mark.parametrize("facts_of_budget", PERIODS, ids=lambda f: f["period"])
async def test_deleted_windows_are_computed_anew_and_equal(
    acme, facts, ledger, facts_of_budget
):
    """Promise 2, C23: recompute from rows == cached, in every period and zone."""
    for target in ("", "user_1"):
        made = {"amount_usd": Decimal(1000), **facts_of_budget}
        await in_thread(make_budget, acme, target, **made)
    for hours in range(-30, 31, 3):
        await spend(ledger, acme, NOON + hours * HOUR, usd=f"0.{hours + 40}")
        await spend(ledger, acme, NOON + hours * HOUR, external_id="user_2")
    running = make_call(acme, at=NOON)
    await ledger.admit(running, worst("2.5", 70), NOON)
    before = figures(facts, acme)
    require_one_truth(facts, acme)

    facts.rows(FORGET_WINDOWS)
    for start, end in {key[1:] for key in before}:
        at = min(end - HOUR, max(start, NOON - 30 * HOUR))
        await ledger.admit(make_call(acme, at=at), worst("0", 0), at)
    facts.rows("DELETE FROM hold WHERE held_tokens = 0 RETURNING 1")

    after = figures(facts, acme)
    assert after.keys() == before.keys()
    for key, numbers in after.items():
        assert numbers[:5] == before[key][:5]  # all but the number of holds
    await ledger.settle(running, outcome("0.5"))


async def test_a_budget_made_in_mid_month_counts_the_month(acme, facts, ledger):
    """A14, E7: the window's own past counts, an older one does not."""
    await spend(ledger, acme, utc("2026-02-28T23:59"), usd="100")
    await spend(ledger, acme, utc("2026-03-01T00:00"), usd="6")
    await spend(ledger, acme, utc("2026-03-14T12:00"), usd="3")

    await in_thread(make_budget, acme)

    assert await spend(ledger, acme, NOON) == "ok"
    assert await spend(ledger, acme, NOON) == "spent"
    require_one_truth(facts, acme)


async def test_a_new_one_time_budget_begins_at_nothing(acme, ledger):
    await spend(ledger, acme, NOON - HOUR, usd="100")

    await in_thread(make_budget, acme, period="one_time", now=NOON)

    assert await spend(ledger, acme, NOON, usd="10") == "ok"
    assert await spend(ledger, acme, NOON + 10_000 * HOUR) == "spent"


async def test_a_reset_zeroes_at_once_on_every_ledger_and_keeps_the_events(
    acme, facts, start
):
    """B8: visible on the next request on every worker."""
    budget = await in_thread(make_budget, acme)
    first, second = start(), start()
    await spend(first, acme, NOON, usd="10")
    assert await spend(second, acme, NOON) == "spent"

    await in_thread(reset_budget, budget=budget, now=NOON + HOUR)

    assert await spend(second, acme, NOON + HOUR, usd="4") == "ok"
    assert await spend(first, acme, NOON + HOUR, usd="6") == "ok"
    assert await spend(first, acme, NOON + HOUR) == "spent"
    assert facts.spent(acme) == 20
    require_one_truth(facts, acme)


async def test_windows_after_a_reset_are_computed_from_the_reset_on(
    acme, facts, ledger
):
    budget = await in_thread(make_budget, acme)
    await spend(ledger, acme, NOON, usd="9")
    await in_thread(reset_budget, budget=budget, now=NOON + HOUR)
    await spend(ledger, acme, NOON + HOUR, usd="9")

    facts.rows(FORGET_WINDOWS)

    assert await spend(ledger, acme, NOON + 2 * HOUR, usd="1") == "ok"
    assert await spend(ledger, acme, NOON + 2 * HOUR) == "spent"
    require_one_truth(facts, acme)


async def test_a_call_that_was_running_at_the_reset_counts_before_it(
    acme, facts, ledger
):
    """E3: spend of both sides is kept, each on its side."""
    budget = await in_thread(make_budget, acme)
    call = make_call(acme, at=NOON)
    await ledger.admit(call, worst("8"), NOON)
    await in_thread(reset_budget, budget=budget, now=NOON + HOUR)
    await spend(ledger, acme, NOON + HOUR, usd="2")

    await ledger.settle(call, outcome("8"))

    (window,) = facts.windows(acme)
    assert (window["settled_usd"], window["held_usd"]) == (2, 0)
    assert facts.holds(acme) == []
    require_one_truth(facts, acme)


async def test_an_edited_amount_holds_from_the_next_call_and_keeps_the_usage(
    acme, ledger
):
    """E12, E13: raise and lower in mid-window."""
    budget = await in_thread(make_budget, acme, amount_usd=Decimal(2))
    await spend(ledger, acme, NOON, usd="2")
    assert await spend(ledger, acme, NOON) == "spent"

    raised = {"amount_usd": Decimal(3)}
    await in_thread(update_budget, budget=budget, changes=raised, now=NOON)
    assert await spend(ledger, acme, NOON) == "ok"

    lowered = {"amount_usd": Decimal(1)}
    await in_thread(update_budget, budget=budget, changes=lowered, now=NOON)
    assert await spend(ledger, acme, NOON) == "spent"


async def test_an_edited_period_counts_what_lies_in_the_new_window(acme, facts, ledger):
    """E13: switching the period in mid-window forgets nothing and adds nothing."""
    budget = await in_thread(make_budget, acme, period="daily")
    await spend(ledger, acme, NOON - 24 * HOUR, usd="4")
    await spend(ledger, acme, NOON, usd="5")
    running = make_call(acme, at=NOON)
    await ledger.admit(running, worst("0.5"), NOON)

    monthly = {"period": "monthly", "time_zone": "Asia/Tokyo"}
    await in_thread(update_budget, budget=budget, changes=monthly, now=NOON)

    assert await spend(ledger, acme, NOON, usd="0.25") == "ok"  # 9.5 of 10
    await ledger.settle(running, outcome("0.75"))
    assert await spend(ledger, acme, NOON) == "spent"
    require_one_truth(facts, acme)


async def test_a_call_over_the_end_of_a_period_counts_where_it_began(
    acme, facts, ledger
):
    """E1, E3: the next period begins at nothing, and both sides are kept."""
    await in_thread(make_budget, acme, period="daily")
    before, after = utc("2026-03-15T23:59:59.999999"), utc("2026-03-16T00:00")
    call = make_call(acme, at=before)
    await ledger.admit(call, worst("10"), before)

    next_day = await spend(ledger, acme, after, usd="9")
    late = outcome("10", settled_at=after + HOUR)
    await ledger.settle(call, late)

    assert next_day == "ok"
    first, second = facts.windows(acme)
    assert (first["settled_usd"], second["settled_usd"]) == (10, 9)
    assert await spend(ledger, acme, before) == "spent"
    assert await spend(ledger, acme, after) == "ok"
    require_one_truth(facts, acme)


async def test_budgets_may_come_change_and_go_while_calls_fly(acme, facts, start):
    """A15, E15: nothing is lost or counted twice, nothing gets stuck."""
    ledgers = [start(with_keeper=True), start(with_keeper=True)]

    async def call_on(number):
        for i in range(12):
            ledger = ledgers[(number + i) % 2]
            at = NOON + timedelta(minutes=i)
            await spend(ledger, acme, at, usd="0.1", external_id=f"user_{number % 3}")

    async def change():
        many = {"amount_usd": Decimal(500)}
        for i in range(4):
            now = NOON + timedelta(minutes=3 * i)
            budget = await in_thread(make_budget, acme, "user_1", **many)
            whole = await in_thread(make_budget, acme, "", period="daily", **many)
            await in_thread(reset_budget, budget=whole, now=now)
            zone = {"time_zone": "Asia/Tokyo", "period": "weekly"}
            await in_thread(update_budget, budget=budget, changes=zone, now=now)
            await asyncio.to_thread(facts.rows, FORGET_WINDOWS)
            for each in (budget, whole)[: 2 if i < 3 else 0]:
                await in_thread(delete_budget, budget=each)

    await asyncio.gather(change(), *(call_on(number) for number in range(8)))

    assert len(facts.events(acme)) == 8 * 12
    assert facts.holds(acme) == []
    await spend(ledgers[0], acme, NOON, external_id="user_1")
    assert len(facts.windows(acme)) >= 2
    require_one_truth(facts, acme)
