"""Holds are leases: kept alive while a call runs, freed when its process died."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from decimal import Decimal

import psycopg
import pytest

from metering.ledger.keeper import Keeper
from tests.committed import in_thread
from tests.conftest import NOON
from tests.ledger.kit import (
    make_call,
    outcome,
    require_one_truth,
    run_call,
    until,
    worst,
)
from tests.make import make_budget

pytestmark = pytest.mark.race


async def test_the_hold_of_a_dead_process_becomes_a_lost_call_and_frees_its_money(
    acme, facts, start
):
    """B1: what died between reserve and settle does not refuse for ever."""
    await in_thread(make_budget, acme)
    dead = start(lease_s=0)  # nobody renews its leases
    call = make_call(acme)
    await dead.admit(call, worst("10", 70), NOON)

    living = start(with_keeper=True)
    await until(lambda: facts.events(acme), "the call was found to be lost")

    (event,) = facts.events(acme)
    assert (event["id"], event["status"], event["http_status"]) == (call.id, "lost", 0)
    assert (event["cost_usd"], event["error_code"]) == (None, "process_died")
    assert facts.holds(acme) == []
    assert await run_call(living, make_call(acme)) == "ok"
    require_one_truth(facts, acme)


async def test_its_late_end_is_still_counted(acme, facts, start):
    await in_thread(make_budget, acme)
    slow = start(lease_s=0)
    call = make_call(acme)
    await slow.admit(call, worst(), NOON)
    start(with_keeper=True)
    await until(lambda: facts.events(acme), "the call was found to be lost")

    await slow.settle(call, outcome("0.75"))

    assert [event["status"] for event in facts.events(acme)] == ["ok"]
    assert facts.spent(acme) == Decimal("0.75")
    require_one_truth(facts, acme)


async def test_two_keepers_find_a_dead_call_and_count_it_once(acme, facts, start):
    dead = start(lease_s=0)
    calls = [make_call(acme) for _ in range(30)]
    await asyncio.gather(*(dead.admit(call, worst(), NOON) for call in calls))

    start(with_keeper=True)
    start(with_keeper=True)
    await until(lambda: not facts.holds(acme), "all holds are gone")

    assert len(facts.events(acme)) == 30
    require_one_truth(facts, acme)


async def test_a_call_may_run_far_longer_than_its_lease(acme, facts, start):
    """A7: the lease is renewed; no transaction is open for it."""
    lease = timedelta(seconds=2)
    ledger = start(lease_s=lease.total_seconds(), with_keeper=True)
    start(with_keeper=True)  # would find an expired hold
    call = make_call(acme)
    await ledger.admit(call, worst(), NOON)
    first = facts.holds(acme)[0]["expires_at"]

    await until(
        lambda: facts.value("SELECT now() > %s", first + lease / 2),
        "the first lease is long over",
    )

    (hold,) = facts.holds(acme)
    assert hold["expires_at"] > first + lease / 2
    await ledger.settle(call, outcome("0.5"))
    assert [event["status"] for event in facts.events(acme)] == ["ok"]


async def test_renewing_leases_waits_for_no_call_that_is_just_being_settled(
    acme, facts, database, ledger
):
    """F1: else a batch and a renewal could each hold what the other waits for."""
    first, second = calls = [make_call(acme) for _ in range(2)]
    await asyncio.gather(*(ledger.admit(call, worst(), NOON) for call in calls))
    before = {hold["id"]: hold["expires_at"] for hold in facts.holds(acme)}
    impatient = {"options": "-c lock_timeout=5s", "autocommit": True}

    async with (
        await psycopg.AsyncConnection.connect(database) as settling,
        await psycopg.AsyncConnection.connect(database, **impatient) as renewing,
    ):
        lock = "SELECT 1 FROM hold WHERE id = %s FOR UPDATE"
        await settling.execute(lock, [second.id])
        await Keeper(ledger)._renew(renewing)

    after = {hold["id"]: hold["expires_at"] for hold in facts.holds(acme)}
    assert after[first.id] > before[first.id]
    assert after[second.id] == before[second.id]
