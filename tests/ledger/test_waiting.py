"""Calls that only running ones stand against wait their turn, bounded and in order."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import pytest

from metering.ledger import actor
from tests.committed import in_thread
from tests.conftest import NOON
from tests.ledger.kit import make_call, outcome, require_one_truth, until, worst
from tests.make import make_budget

pytestmark = pytest.mark.race

FOREVER_S = 3600


@pytest.fixture
async def narrow(acme):
    """A budget of one dollar: calls of a dollar go one by one."""
    return await in_thread(make_budget, acme, amount_usd=Decimal(1))


def ask(ledger, acme, *, usd="1"):
    """A call that asks for admission in the background."""
    call = make_call(acme)
    return call, asyncio.create_task(ledger.admit(call, worst(usd), NOON))


def is_waited_for(facts, budget):
    return lambda: facts.value(
        "SELECT count(*) FROM budget_window "
        "WHERE budget_id = %s AND waited_until IS NOT NULL",
        budget.pk,
    )


async def test_waiting_calls_run_in_the_order_they_came(acme, facts, narrow, start):
    ledger = start(wait_s=FOREVER_S)
    order = []

    async def run(number):
        call, task = ask(ledger, acme)
        admission = await task
        order.append(number)
        if admission.refusal is None:
            await ledger.settle(call, outcome("0.1"))

    await asyncio.gather(*(run(number) for number in range(12)))

    assert order == list(range(12))
    assert facts.spent(acme) == 1
    require_one_truth(facts, acme)


async def test_newcomers_queue_up_behind_those_who_wait(acme, narrow, start):
    """A dear call is not starved by cheap ones that would still fit."""
    strict = {"mode": "strict", "amount_usd": Decimal(10)}
    await in_thread(make_budget, acme, "", **strict)
    ledger = start(wait_s=FOREVER_S)
    first, admitted = ask(ledger, acme, usd="0.5")
    await admitted
    _, dear = ask(ledger, acme, usd="9.6")
    _, cheap = ask(ledger, acme, usd="0.1")
    await asyncio.sleep(0)

    await ledger.settle(first, outcome("0.1"))

    assert (await dear).refusal is None
    assert not cheap.done()
    cheap.cancel()
    await asyncio.gather(cheap, return_exceptions=True)


async def test_a_caller_that_leaves_gives_its_place_to_the_next(
    acme, facts, narrow, start
):
    ledger = start(wait_s=FOREVER_S)
    first, admitted = ask(ledger, acme)
    await admitted
    leaver, leaving = ask(ledger, acme)
    _, staying = ask(ledger, acme)
    await until(is_waited_for(facts, narrow), "somebody waits")

    leaving.cancel()
    await ledger.settle(first, outcome("0.1"))

    assert (await staying).refusal is None
    assert leaver.id not in {hold["id"] for hold in facts.holds(acme)}
    require_one_truth(facts, acme)


async def test_a_caller_that_leaves_with_its_answer_under_way_leaves_no_hold(
    acme, facts, ledger
):
    """B1, B5: the hold was committed, and nobody is left to settle it."""
    await in_thread(make_budget, acme)
    for _ in range(20):
        _, task = ask(ledger, acme)
        for _ in range(3):
            await asyncio.sleep(0)
        task.cancel()

    await until(lambda: not facts.holds(acme), "every hold was given back")
    assert ledger.running == {}
    require_one_truth(facts, acme)


async def test_a_caller_cancelled_in_the_moment_of_its_answer_leaves_no_hold(
    acme, facts, ledger
):
    """B5: answered and cancelled between two steps of the event loop."""
    await in_thread(make_budget, acme)
    first, second = make_call(acme), make_call(acme)

    async def run_and_cancel_the_other():
        await ledger.admit(first, worst(), NOON)
        other.cancel()

    one = asyncio.create_task(run_and_cancel_the_other())
    other = asyncio.create_task(ledger.admit(second, worst(), NOON))
    results = await asyncio.gather(one, other, return_exceptions=True)

    assert isinstance(results[1], asyncio.CancelledError)
    await until(lambda: len(facts.holds(acme)) == 1, "its hold was given back")
    assert list(ledger.running) == [first.id]
    require_one_truth(facts, acme)


async def test_after_its_time_a_waiting_call_hears_that_money_is_held(
    acme, facts, narrow, start
):
    ledger = start(wait_s=0.01)
    await ledger.admit(make_call(acme), worst(), NOON)

    refusal = (await ledger.admit(make_call(acme), worst(), NOON)).refusal

    assert refusal.reason == "held"
    assert (refusal.limit, refusal.settled, refusal.held) == (1, 0, 1)
    assert facts.refusals(narrow) == {"cost_budget_exceeded": 1}


async def test_without_waiting_time_the_answer_comes_at_once(acme, narrow, start):
    ledger = start(wait_s=0)
    call = make_call(acme)
    await ledger.admit(call, worst(), NOON)

    refused = await ledger.admit(make_call(acme), worst(), NOON)
    await ledger.settle(call, outcome("0.1"))
    admitted = await ledger.admit(make_call(acme), worst(), NOON)

    assert refused.refusal.reason == "held"
    assert admitted.refusal is None


async def test_money_freed_by_another_process_wakes_those_who_wait(
    acme, facts, narrow, start, monkeypatch
):
    """By LISTEN and NOTIFY: polling is switched off here."""
    monkeypatch.setattr(actor, "POLL_S", FOREVER_S)
    here, there = start(wait_s=FOREVER_S), start(wait_s=FOREVER_S, with_keeper=True)
    await until(
        lambda: facts.value(
            "SELECT count(*) FROM pg_stat_activity WHERE state = 'idle' "
            "AND application_name = 'orqstudio-keeper' AND query <> ''"
        ),
        "the keeper listens",
    )
    first, admitted = ask(here, acme)
    await admitted
    _, waiting = ask(there, acme)
    await until(is_waited_for(facts, narrow), "the other waits")

    await here.settle(first, outcome("0.1"))

    assert (await waiting).refusal is None


async def test_without_a_wake_up_the_queue_tries_again_by_itself(
    acme, facts, narrow, start
):
    """A lost notification costs half a second, not the call."""
    here, there = start(), start(wait_s=FOREVER_S)
    first, admitted = ask(here, acme)
    await admitted
    _, waiting = ask(there, acme)
    await until(is_waited_for(facts, narrow), "the other waits")

    await here.settle(first, outcome("0.1"))

    assert (await waiting).refusal is None


async def test_a_call_that_waits_for_one_budget_and_then_for_another_gets_through(
    acme, facts, start
):
    await in_thread(make_budget, acme, "", amount_usd=Decimal(1))
    await in_thread(make_budget, acme, "user_1", amount_usd=Decimal(1))
    ledger = start(wait_s=FOREVER_S)
    calls = [make_call(acme, f"user_{i % 2}") for i in range(30)]

    async def run(call):
        admission = await ledger.admit(call, worst(), NOON)
        if admission.refusal is None:
            await ledger.settle(call, outcome("0.02"))
        return admission.refusal

    refusals = await asyncio.gather(*(run(call) for call in calls))

    assert refusals == [None] * 30
    assert facts.spent(acme) == Decimal("0.6")


async def test_a_ledger_that_stops_answers_those_who_wait_and_takes_no_more(
    acme, narrow, start
):
    ledger = start(wait_s=FOREVER_S)
    call, admitted = ask(ledger, acme)
    await admitted
    _, waiting = ask(ledger, acme)
    await asyncio.sleep(0)

    settling = asyncio.create_task(ledger.settle(call, outcome("1")))
    await asyncio.sleep(0)
    await ledger.stop()

    assert (await settling).is_new
    assert (await waiting).refusal.reason in {"spent", "held"}
    with pytest.raises(actor.LedgerUnavailableError):
        await ledger.admit(make_call(acme), worst(), NOON)
