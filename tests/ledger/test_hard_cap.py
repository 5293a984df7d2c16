"""A hard cap is hard: at any concurrency, over several ledgers, to the last cent."""

from __future__ import annotations

import asyncio
from collections import Counter
from decimal import Decimal

import pytest

from tests.committed import in_thread
from tests.conftest import NOON
from tests.ledger.kit import (
    make_call,
    outcome,
    require_one_truth,
    run_call,
    worst,
)
from tests.make import make_budget, make_identity

pytestmark = pytest.mark.race


async def run_together(ledgers, calls, **costs):
    """All calls at once, dealt out over the ledgers; how many ended in which way."""
    ends = await asyncio.gather(
        *(
            run_call(ledgers[i % len(ledgers)], call, **costs)
            for i, call in enumerate(calls)
        )
    )
    return Counter(ends)


async def test_of_64_calls_at_once_exactly_10_fit_a_budget_worth_10(
    acme, facts, ledger
):
    """A1: and none is refused while money is left, so all others hear `spent`."""
    await in_thread(make_identity, acme)
    await in_thread(make_budget, acme)

    ends = await run_together([ledger], [make_call(acme) for _ in range(64)])

    assert ends == {"ok": 10, "spent": 54}
    assert facts.spent(acme) == Decimal(10)
    require_one_truth(facts, acme)


async def test_the_same_for_an_identity_that_never_existed(acme, facts, ledger):
    """A2, A11: the first calls of an unknown identity race as well."""
    await in_thread(make_budget, acme, "nobody_yet")
    calls = [make_call(acme, "nobody_yet") for _ in range(64)]

    ends = await run_together([ledger], calls)

    assert ends == {"ok": 10, "spent": 54}
    assert facts.spent(acme) == Decimal(10)


async def test_the_same_over_two_ledgers_on_one_database(acme, facts, start):
    """A8: two processes do not have two budgets."""
    await in_thread(make_budget, acme)

    ends = await run_together(
        [start(with_keeper=True), start(with_keeper=True)],
        [make_call(acme) for _ in range(64)],
    )

    assert ends == {"ok": 10, "spent": 54}
    assert facts.spent(acme) == Decimal(10)
    require_one_truth(facts, acme)


async def test_calls_that_cost_less_than_they_hold_still_use_the_whole_budget(
    acme, facts, ledger
):
    """Calls wait for what running ones give back: money that is left is not refused."""
    await in_thread(make_budget, acme)

    ends = await run_together(
        [ledger], [make_call(acme) for _ in range(32)], most="4", costs="1"
    )

    assert ends == {"ok": 10, "spent": 22}


async def test_a_token_limit_is_as_hard_as_an_amount(acme, facts, ledger):
    await in_thread(make_budget, acme, amount_usd=None, token_limit=100)

    ends = await run_together([ledger], [make_call(acme) for _ in range(32)])

    assert ends == {"ok": 10, "spent": 22}
    assert sum(event["input_tokens"] for event in facts.events(acme)) == 100


async def test_a_budget_of_the_workspace_caps_all_identities_together(
    acme, facts, ledger
):
    """A3: every kind of limit goes through the same reservation."""
    await in_thread(make_budget, acme, "")
    calls = [make_call(acme, f"user_{i % 7}") for i in range(30)]
    calls += [make_call(acme, "") for _ in range(10)]

    ends = await run_together([ledger], calls)

    assert ends == {"ok": 10, "spent": 30}
    require_one_truth(facts, acme)


async def test_two_budgets_of_a_call_are_both_kept_and_charged_all_or_nothing(
    acme, facts, ledger
):
    await in_thread(make_budget, acme, "")
    await in_thread(make_budget, acme, "alice", amount_usd=Decimal(3))
    calls = [make_call(acme, "alice") for _ in range(20)]
    calls += [make_call(acme, "bob") for _ in range(20)]

    ends = await run_together([ledger], calls)

    assert ends == {"ok": 10, "spent": 30}
    by_alice = [e for e in facts.events(acme) if e["external_id"] == "alice"]
    assert len(by_alice) == 3
    assert facts.holds(acme) == []
    require_one_truth(facts, acme)


async def test_a_call_that_one_budget_refuses_holds_nothing_in_the_other(
    acme, facts, ledger
):
    await in_thread(make_budget, acme, "")
    await in_thread(make_budget, acme, "alice", amount_usd=Decimal(0))

    admission = await ledger.admit(make_call(acme, "alice"), worst(), NOON)

    assert admission.refusal.scope_kind == "identity"
    assert [w["held_usd"] for w in facts.windows(acme)] == [0, 0]


async def test_charlies_calls_count_in_no_budget_of_ours(acme, globex, facts, ledger):
    """A15: an identity of the same name in another workspace is another identity."""
    await in_thread(make_budget, acme, "user_1", amount_usd=Decimal(1))
    calls = [make_call(globex) for _ in range(5)]

    ends = await run_together([ledger], [*calls, make_call(acme), make_call(acme)])

    assert ends == {"ok": 6, "spent": 1}
    assert facts.spent(acme) == Decimal(1)


async def test_the_call_that_crosses_the_limit_completes_and_the_next_is_refused(
    acme, facts, ledger
):
    """Contract 6.6: at most one call of overshoot."""
    await in_thread(make_budget, acme, amount_usd=Decimal("1.5"))

    ends = [await run_call(ledger, make_call(acme)) for _ in range(3)]

    assert ends == ["ok", "ok", "spent"]
    assert facts.spent(acme) == Decimal(2)


async def test_a_call_in_flight_holds_what_it_may_cost(acme, facts, ledger):
    budget = await in_thread(make_budget, acme)
    call = make_call(acme)

    await ledger.admit(call, worst("2.5", 70), call.occurred_at)

    (window,) = facts.windows(acme)
    assert window["budget_id"] == budget.pk
    assert (window["held_usd"], window["held_tokens"]) == (Decimal("2.5"), 70)
    await ledger.settle(call, outcome("0.25", 7))
    (window,) = facts.windows(acme)
    assert (window["settled_usd"], window["held_usd"]) == (Decimal("0.25"), 0)
