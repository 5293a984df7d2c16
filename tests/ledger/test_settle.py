"""A call is counted once: settled, repeated, late, lost and found again, given back."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from metering.calls import Status
from metering.ledger.batch import create_windows, run_batch
from metering.ledger.requests import Admit, Release
from metering.pricing import Tokens
from tests.committed import in_thread
from tests.ledger.kit import LOST, make_call, outcome, require_one_truth, worst
from tests.make import make_budget

pytestmark = pytest.mark.race


async def test_an_event_keeps_every_fact_of_the_call(acme, facts, ledger):
    """C20: tokens and cost come from one object."""
    call = make_call(acme, "alice")
    await ledger.admit(call, worst(), call.occurred_at)

    await ledger.settle(
        call,
        outcome(
            "0.0123456789",
            Tokens(input=20, cached=5, output=7, reasoning=3),
            price_source="custom",
            latency_ms=120,
            ttft_ms=30,
            metadata={"team": "blue"},
        ),
    )

    (event,) = facts.events(acme)
    assert event["id"] == call.id
    assert event["occurred_at"] == call.occurred_at
    assert event["external_id"] == "alice"
    assert event["cost_usd"] == Decimal("0.0123456789")
    kinds = ("input", "cached", "output", "reasoning")
    assert [event[f"{kind}_tokens"] for kind in kinds] == [20, 5, 7, 3]
    assert (event["status"], event["http_status"]) == ("ok", 200)
    assert (event["latency_ms"], event["ttft_ms"]) == (120, 30)
    assert event["metadata"] == {"team": "blue"}
    require_one_truth(facts, acme)


async def test_settling_twice_counts_once_and_keeps_the_first(acme, facts, ledger):
    """B3, C5, C6: idempotent by the call's id, in the transaction of the row."""
    await in_thread(make_budget, acme)
    call = make_call(acme)
    await ledger.admit(call, worst(), call.occurred_at)

    first = await ledger.settle(call, outcome("0.5"))
    second = await ledger.settle(call, outcome("0.7"))

    assert (first.is_new, second.is_new) == (True, False)
    assert facts.spent(acme) == Decimal("0.5")
    require_one_truth(facts, acme)


async def test_the_same_settlement_many_times_in_one_batch_counts_once(
    acme, facts, start
):
    """C5: also over two ledgers at the same moment."""
    await in_thread(make_budget, acme)
    ledgers = [start(), start()]
    call = make_call(acme)
    await ledgers[0].admit(call, worst(), call.occurred_at)

    answers = await asyncio.gather(
        *(ledgers[i % 2].settle(call, outcome("0.5")) for i in range(20))
    )

    assert sum(answer.is_new for answer in answers) == 1
    assert len(facts.events(acme)) == 1
    require_one_truth(facts, acme)


async def test_a_settlement_without_a_hold_still_counts(acme, facts, ledger):
    """What was used was used, whatever became of its hold."""
    await in_thread(make_budget, acme)

    await ledger.settle(make_call(acme), outcome("0.5"))

    assert facts.spent(acme) == Decimal("0.5")
    require_one_truth(facts, acme)


async def test_a_failed_call_counts_as_a_request_and_an_error_and_frees_its_hold(
    acme, facts, ledger
):
    """B5: every error path releases exactly once."""
    await in_thread(make_budget, acme)
    call = make_call(acme)
    await ledger.admit(call, worst("10"), call.occurred_at)

    failed = outcome("0", 0, status=Status.FAILED, http_status=502, error_code="x")
    await ledger.settle(call, failed)

    (day,) = facts.days(acme)
    assert (day["requests"], day["errors"], day["cost_usd"]) == (1, 1, 0)
    (window,) = facts.windows(acme)
    assert (window["held_usd"], window["settled_requests"]) == (0, 1)
    assert facts.holds(acme) == []


async def test_the_true_end_of_a_call_taken_for_lost_replaces_it(acme, facts, ledger):
    """B11: a process that was only slow tells in the end what the call cost."""
    await in_thread(make_budget, acme)
    call = make_call(acme)
    await ledger.admit(call, worst(), call.occurred_at)
    await ledger.settle(call, LOST)
    require_one_truth(facts, acme)

    late = await ledger.settle(call, outcome("0.5"))
    again = await ledger.settle(call, outcome("0.5"))

    assert (late.is_new, again.is_new) == (True, False)
    (event,) = facts.events(acme)
    assert (event["status"], event["cost_usd"]) == ("ok", Decimal("0.5"))
    (day,) = facts.days(acme)
    assert (day["requests"], day["errors"], day["unpriced"]) == (1, 0, 0)
    require_one_truth(facts, acme)


async def test_several_lost_calls_are_found_again_in_one_batch(acme, facts, ledger):
    await in_thread(make_budget, acme)
    calls = [make_call(acme) for _ in range(6)]
    await asyncio.gather(*(ledger.settle(call, outcome("1")) for call in calls[:1]))
    await asyncio.gather(
        *(ledger.admit(call, worst(), call.occurred_at) for call in calls[1:])
    )
    await asyncio.gather(*(ledger.settle(call, LOST) for call in calls[1:]))

    failed = outcome(None, 0, status=Status.FAILED, http_status=504)
    await asyncio.gather(
        *(ledger.settle(call, outcome("0.25")) for call in calls[1:4]),
        ledger.settle(calls[4], failed),
    )

    statuses = sorted(event["status"] for event in facts.events(acme))
    assert statuses == ["failed", "lost", "ok", "ok", "ok", "ok"]
    require_one_truth(facts, acme)


async def test_lost_never_replaces_a_known_end(acme, facts, ledger):
    call = make_call(acme)
    await ledger.admit(call, worst(), call.occurred_at)
    await ledger.settle(call, outcome("0.5"))

    late = await ledger.settle(call, LOST)

    assert not late.is_new
    assert [event["status"] for event in facts.events(acme)] == ["ok"]


async def test_a_call_nobody_admitted_cannot_get_lost(acme, facts, ledger):
    """Two keepers find one expired hold: the second finds nothing to count."""
    answer = await ledger.settle(make_call(acme), LOST)

    assert not answer.is_new
    assert facts.events(acme) == []


async def test_a_release_gives_the_hold_back_and_leaves_no_event(acme, facts, database):
    await in_thread(make_budget, acme)
    call = make_call(acme)
    async with await psycopg.AsyncConnection.connect(
        database, autocommit=True
    ) as connection:
        ask = Admit(call, worst(), call.occurred_at)
        await create_windows(connection, [ask])
        await run_batch(connection, [ask], owner="test", lease_s=60)
        assert len(facts.holds(acme)) == 1

        for _ in range(2):  # twice is once
            await run_batch(connection, [Release(call)], owner="test", lease_s=60)

    assert facts.holds(acme) == []
    assert facts.events(acme) == []
    require_one_truth(facts, acme)


async def test_an_unknown_cost_is_counted_as_unknown_and_not_as_nothing(
    acme, facts, ledger
):
    """D4: the event says NULL, the day counts it as unpriced."""
    call = replace(make_call(acme), model="unheard-of")
    await ledger.admit(call, worst(None), call.occurred_at)

    await ledger.settle(call, outcome(None))

    (event,) = facts.events(acme)
    (day,) = facts.days(acme)
    assert event["cost_usd"] is None
    assert (day["unpriced"], day["cost_usd"], day["errors"]) == (1, 0, 0)


async def test_many_random_costs_add_up_to_the_last_decimal(acme, facts, start):
    """A4, D10: counter, rows and days are equal, whoever adds them up."""
    await in_thread(make_budget, acme, "", amount_usd=Decimal(10_000))
    await in_thread(make_budget, acme, "user_1", amount_usd=Decimal(10_000))
    ledgers = [start(), start()]
    costs = [Decimal(i * 7919 + 1).scaleb(-10) for i in range(200)]

    async def run(position, cost_usd):
        ledger = ledgers[position % 2]
        call = make_call(acme, f"user_{position % 5}")
        await ledger.admit(call, worst(), call.occurred_at)
        await ledger.settle(call, outcome(cost_usd, position))

    await asyncio.gather(*(run(i, cost) for i, cost in enumerate(costs)))

    assert facts.spent(acme) == sum(costs)
    assert sum(day["cost_usd"] for day in facts.days(acme)) == sum(costs)
    require_one_truth(facts, acme)
