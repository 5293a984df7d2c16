"""Many at once: no deadlock, no open transaction, no request that spoils another's."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from dataclasses import replace
from decimal import Decimal

import psycopg
import pytest

from metering.pricing import Tokens
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


async def test_shuffled_identities_over_two_ledgers_never_deadlock(
    acme, globex, facts, start, caplog
):
    """F1: 2 writers, 14 hot identities, every order: no retry, exact sums."""
    names = [f"user_{number}" for number in range(7)]
    for workspace in (acme, globex):
        await in_thread(make_budget, workspace, "", amount_usd=Decimal(1000))
        for name in names:
            many = {"amount_usd": Decimal(1000)}
            await in_thread(make_budget, workspace, name, **many)
    ledgers = [start(with_keeper=True), start(with_keeper=True)]
    calls = [make_call(w, name) for w in (acme, globex) for name in names * 12]
    random.Random(1).shuffle(calls)  # noqa: S311 - a reproducible order

    ends = await asyncio.gather(
        *(run_call(ledgers[i % 2], call, costs="0.7") for i, call in enumerate(calls))
    )

    assert Counter(ends) == {"ok": len(calls)}
    assert "deadlock" not in caplog.text
    for workspace in (acme, globex):
        assert facts.spent(workspace) == Decimal("0.7") * len(calls) / 2
        require_one_truth(facts, workspace)


async def test_no_transaction_is_open_while_a_call_runs(acme, facts, start):
    """A7: whatever a provider takes, it locks nobody out."""
    await in_thread(make_budget, acme)
    ledger = start(with_keeper=True)
    call = make_call(acme)

    await ledger.admit(call, worst(), NOON)

    sessions = facts.rows(
        "SELECT state, xact_start FROM pg_stat_activity "
        "WHERE application_name = 'orqstudio-ledger'"
    )
    assert sessions
    assert {session["state"] for session in sessions} == {"idle"}
    assert {session["xact_start"] for session in sessions} == {None}
    await asyncio.wait_for(in_thread(make_budget, acme, "other"), 30)
    await ledger.settle(call, outcome())


async def test_a_settlement_that_postgresql_refuses_does_not_spoil_its_batch(
    acme, facts, start
):
    """One bad row stops nobody: the others are counted, the hold ends as lost."""
    await in_thread(make_budget, acme, amount_usd=Decimal(100))
    ledger = start(with_keeper=True, lease_s=1)
    calls = [make_call(acme) for _ in range(9)]
    await asyncio.gather(*(ledger.admit(call, worst(), NOON) for call in calls))
    impossible = outcome("1", Tokens(input=10**30))

    results = await asyncio.gather(
        *(ledger.settle(call, outcome("0.5")) for call in calls[:4]),
        ledger.settle(calls[4], impossible),
        *(ledger.settle(call, outcome("0.5")) for call in calls[5:]),
        return_exceptions=True,
    )

    errors = [result for result in results if isinstance(result, Exception)]
    assert [type(error) for error in errors] == [type(results[4])]
    assert isinstance(results[4], psycopg.Error)
    assert facts.spent(acme) == 4
    await until(lambda: not facts.holds(acme), "its hold is not renewed for ever")
    assert [e["id"] for e in facts.events(acme) if e["status"] == "lost"] == [
        calls[4].id
    ]
    require_one_truth(facts, acme)


async def test_an_admission_that_postgresql_refuses_does_not_spoil_its_batch(
    acme, facts, ledger
):
    await in_thread(make_budget, acme, amount_usd=Decimal(100))
    good = [make_call(acme) for _ in range(5)]
    bad = replace(make_call(acme), operation="x" * 99)

    results = await asyncio.gather(
        *(ledger.admit(call, worst(), NOON) for call in [*good, bad]),
        return_exceptions=True,
    )

    assert [getattr(result, "refusal", "error") for result in results] == [
        *[None] * 5,
        "error",
    ]
    assert {hold["id"] for hold in facts.holds(acme)} == {call.id for call in good}
    assert await run_call(ledger, make_call(acme)) == "ok"


async def test_many_identities_that_nobody_ever_saw_in_one_batch(acme, facts, ledger):
    """A2: their windows are all made at once."""
    for number in range(20):
        await in_thread(make_budget, acme, f"new_{number}", amount_usd=Decimal(1))
    calls = [make_call(acme, f"new_{i % 20}") for i in range(60)]

    ends = await asyncio.gather(*(run_call(ledger, call) for call in calls))

    assert Counter(ends) == {"ok": 20, "spent": 40}
    require_one_truth(facts, acme)


async def test_two_ledgers_make_the_same_missing_windows_at_once(acme, facts, start):
    for number in range(10):
        await in_thread(make_budget, acme, f"user_{number}")
    ledgers = [start(), start()]

    for _ in range(3):
        facts.rows("DELETE FROM budget_window RETURNING 1")
        calls = [make_call(acme, f"user_{i % 10}") for i in range(40)]
        random.Random(2).shuffle(calls)  # noqa: S311
        await asyncio.gather(
            *(
                run_call(ledgers[i % 2], call, costs="0.1")
                for i, call in enumerate(calls)
            )
        )

    assert facts.spent(acme) == 12
    require_one_truth(facts, acme)


async def test_more_requests_than_a_batch_takes_are_all_answered(acme, facts, ledger):
    calls = [make_call(acme, "") for _ in range(600)]

    ends = await asyncio.gather(*(run_call(ledger, call) for call in calls))

    assert Counter(ends) == {"ok": 600}
    assert len(facts.events(acme)) == 600
