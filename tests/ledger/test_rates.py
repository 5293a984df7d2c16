"""Requests a minute: exact over any 60 seconds, on however many ledgers.

Time is what the calls say; no test waits.
"""

from __future__ import annotations

import asyncio
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.admission import MINUTE, Account, Dimension, Estimate, judge
from metering.ledger_sql import lock_key
from metering.periods import Window
from metering.services import reset_budget, update_budget
from orqstudio.lib import ids
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
from tests.make import make_budget, make_match_budget, utc

pytestmark = pytest.mark.race

SECOND = timedelta(seconds=1)
TICK = timedelta(microseconds=1)


@pytest.fixture
def limit(acme):
    """Make a budget of so many requests a minute and nothing else."""

    async def make(rate: int, target: str = "user_1", **facts):
        facts = {"amount_usd": None, "requests_per_minute": rate, **facts}
        return await in_thread(make_budget, acme, target, **facts)

    return make


async def ask(ledger, acme, seconds=0.0, **facts):
    """A call so many seconds after noon: `ok`, or what refused it."""
    at = NOON + timedelta(seconds=seconds)
    call = make_call(acme, at=at, **facts)
    admission = await ledger.admit(call, worst(), at)
    if admission.refusal is not None:
        return admission.refusal.dimension.value
    await ledger.settle(admission.call, outcome())
    return "ok"


async def test_the_limit_rolls(acme, facts, ledger, limit):
    """Contract 6.6: any 60 seconds hold two calls, not a minute of the clock."""
    await limit(2)

    ends = [
        await ask(ledger, acme, second)
        for second in (0, 50, 59.999999, 60, 109, 110, 119, 120)
    ]

    r = "requests"
    assert ends == ["ok", "ok", r, "ok", r, "ok", r, "ok"]
    require_one_truth(facts, acme)


async def test_refused_calls_are_not_counted(acme, facts, ledger, limit):
    budget = await limit(1)
    await ask(ledger, acme, 0)

    refused = {await ask(ledger, acme, second) for second in range(1, 60)}

    assert refused == {"requests"}
    assert await ask(ledger, acme, 60) == "ok"
    assert len(facts.events(acme)) == 2
    assert facts.refusals(budget) == {"requests_per_minute_exceeded": 59}


async def test_a_refusal_says_when_the_next_call_fits(acme, ledger, limit):
    await limit(3)
    for second in (0, 10, 20):
        await ask(ledger, acme, second)

    at = NOON + 30 * SECOND
    admission = await ledger.admit(make_call(acme, at=at), worst(), at)

    refusal = admission.refusal
    assert refusal.dimension is Dimension.REQUESTS
    assert (refusal.limit, refusal.settled, refusal.held) == (3, 3, 0)
    assert refusal.resets_at == NOON + MINUTE
    assert await ask(ledger, acme, 59.9) == "requests"
    assert await ask(ledger, acme, 60) == "ok"


async def test_calls_under_way_count_and_never_make_others_wait(acme, start, limit):
    await limit(2)
    ledger = start(wait_s=3600)
    for _ in range(2):
        await ledger.admit(make_call(acme), worst(), NOON)

    admission = await ledger.admit(make_call(acme), worst(), NOON)

    assert admission.refusal.dimension is Dimension.REQUESTS


async def test_a_call_that_never_reached_a_provider_does_not_count(
    acme, facts, start, limit
):
    await limit(1)
    ledger = start(wait_s=3600)
    waiting = asyncio.create_task(ledger.admit(make_call(acme), worst(), NOON))
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    ends = [await ask(ledger, acme, second) for second in (1, 2)]

    assert facts.holds(acme) == []
    assert ends == ["ok", "requests"]


async def test_what_another_budget_refuses_does_not_count(acme, ledger, limit):
    whole = await in_thread(make_budget, acme, "", amount_usd=Decimal(0))
    await limit(1)
    assert [await ask(ledger, acme) for _ in range(3)] == ["cost"] * 3

    more = {"amount_usd": Decimal(9)}
    await in_thread(update_budget, budget=whole, changes=more, now=NOON)

    assert [await ask(ledger, acme) for _ in range(2)] == ["ok", "requests"]


async def test_a_reset_clears_the_minute(acme, ledger, limit):
    budget = await limit(2)
    for _ in range(2):
        await ask(ledger, acme)
    assert await ask(ledger, acme, 1) == "requests"

    await in_thread(reset_budget, budget=budget, now=NOON + 2 * SECOND)

    ends = [await ask(ledger, acme, second) for second in (3, 4, 5)]
    assert ends == ["ok", "ok", "requests"]


async def test_a_rate_that_comes_later_counts_the_minute_before(acme, ledger, limit):
    for _ in range(3):
        await ask(ledger, acme)
    budget = await limit(3)
    assert await ask(ledger, acme, 1) == "requests"

    more = {"requests_per_minute": 4}
    await in_thread(update_budget, budget=budget, changes=more, now=NOON)

    ends = [await ask(ledger, acme, second) for second in (2, 3)]
    assert ends == ["ok", "requests"]


@pytest.mark.parametrize("target", ["user_1", ""])
async def test_a_rate_counts_the_calls_of_its_scope(acme, ledger, limit, target):
    await limit(1, target)
    await ask(ledger, acme)

    other = await ask(ledger, acme, external_id="user_2")

    assert other == ("ok" if target else "requests")


@pytest.mark.parametrize(
    ("scope", "own", "other"),
    [
        (("project", "p"), {"project_id": "p"}, {"project_id": "q"}),
        (("provider", "a"), {"provider_key": "a"}, {"provider_key": "b"}),
        (("model", "orq/m"), {"model": "m"}, {"model": "n"}),
        (("match", ""), {"project_id": "p"}, {"project_id": "q"}),
    ],
)
async def test_a_rate_works_for_every_kind(acme, ledger, scope, own, other):
    kind, target = scope
    rate = {"amount_usd": None, "requests_per_minute": 2}
    if kind == "match":
        await in_thread(make_match_budget, acme, 'project == "p"', **rate)
    else:
        await in_thread(make_budget, acme, target, scope_kind=kind, **rate)

    ends = [await ask(ledger, acme, **own) for _ in range(3)]
    others = [await ask(ledger, acme, **other) for _ in range(3)]

    assert ends == ["ok", "ok", "requests"]
    assert others == ["ok"] * 3


async def test_a_shadow_rate_refuses_nothing_and_counts(acme, facts, ledger, limit):
    budget = await limit(2, mode="shadow")

    assert [await ask(ledger, acme) for _ in range(5)] == ["ok"] * 5
    assert facts.refusals(budget) == {"shadow_requests_per_minute_exceeded": 3}


async def test_a_rate_stands_beside_the_other_limits(acme, ledger, limit):
    await limit(3, amount_usd=Decimal(2))

    ends = [await ask(ledger, acme, second) for second in (0, 1, 2, 61, 62)]

    assert ends == ["ok", "ok", "cost", "cost", "cost"]


async def test_of_64_calls_at_once_exactly_ten_pass(acme, facts, start, limit):
    """Over two ledgers: none too many, and none too few."""
    await limit(10)
    ledgers = [start(), start()]

    calls = [run_call(ledgers[n % 2], make_call(acme)) for n in range(64)]
    ends = await asyncio.gather(*calls)

    assert sorted(ends) == ["ok"] * 10 + ["spent"] * 54
    assert len(facts.events(acme)) == 10
    require_one_truth(facts, acme)


async def test_the_minute_over_the_end_of_a_period_is_one_minute(
    acme, facts, start, limit
):
    """Two ledgers at once, one in the last second of a day and one in the next."""
    await limit(10, period="daily")
    ledgers = [start(), start()]
    midnight = utc("2026-03-16T00:00")
    moments = [midnight - TICK, midnight + TICK]

    calls = [
        run_call(ledgers[n % 2], make_call(acme, at=moments[n % 2])) for n in range(64)
    ]
    ends = await asyncio.gather(*calls)

    assert sorted(ends) == ["ok"] * 10 + ["spent"] * 54
    require_one_truth(facts, acme)


WAITING = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def test_batches_of_two_windows_count_one_after_the_other(
    acme, facts, ledger, limit
):
    """Whoever counts a minute has the budget's lock, whatever windows it has."""
    budget = await limit(1)
    key = lock_key(budget.pk)
    facts.rows("SELECT pg_advisory_lock(%s)", key)  # as a batch of another process

    asking = asyncio.create_task(ask(ledger, acme))
    await until(lambda: facts.rows(WAITING), "the ledger waits for the lock")
    assert not asking.done()
    facts.rows("SELECT pg_advisory_unlock(%s)", key)

    assert await asking == "ok"


@pytest.mark.parametrize("seed", range(3))
async def test_no_60_seconds_ever_hold_more_than_the_limit(acme, facts, start, seed):
    """Random arrivals on two ledgers, in order of time as clocks give them."""
    dice = random.Random(seed)  # noqa: S311 - a reproducible mixture
    rate = {"amount_usd": None, "requests_per_minute": 7}
    await in_thread(make_budget, acme, "", **rate)
    ledgers = [start(), start()]
    seconds = sorted(dice.uniform(0, 300) for _ in range(120))

    for place in range(0, 120, 4):
        arrivals = seconds[place : place + 4]
        await asyncio.gather(
            *(ask(dice.choice(ledgers), acme, second) for second in arrivals)
        )

    admitted = [event["occurred_at"] for event in facts.events(acme)]
    for at in admitted:
        assert sum(at - MINUTE < other <= at for other in admitted) <= 7
    assert len(admitted) >= 7 * 4


@given(
    st.lists(st.integers(0, 90), max_size=30).map(sorted),
    st.integers(1, 5),
)
def test_the_decision_admits_as_many_as_fit_and_no_more(seconds, rate):
    """The pure rule against counting by hand."""
    account = Account(
        budget_id=ids.new_id(),
        scope_kind="workspace",
        scope_target="",
        mode="hard",
        amount_usd=None,
        token_limit=None,
        requests_per_minute=rate,
        window=Window(NOON, NOON + timedelta(days=1)),
        settled_usd=Decimal(0),
        settled_tokens=0,
        settled_requests=0,
        held_usd=Decimal(0),
        held_tokens=0,
        held_requests=0,
    )
    admitted = []
    for second in seconds:
        at = NOON + second * SECOND
        fits = sum(second - 60 < earlier for earlier in admitted) < rate

        refusal = judge([account], Estimate(Decimal(1), 1), at).refusal

        assert (refusal is None) is fits
        if refusal is None:
            admitted.append(second)
            account.recent.append(at)
        else:
            assert at < refusal.resets_at <= at + MINUTE
