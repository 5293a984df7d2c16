"""The decision whether a call may run, against the rules as the ADR words them."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from metering.admission import Account, Estimate, judge
from metering.periods import FOREVER, Window
from orqstudio.lib import ids
from tests.make import utc

MARCH = Window(utc("2026-03-01T00:00"), utc("2026-04-01T00:00"))
TODAY = Window(utc("2026-03-15T00:00"), utc("2026-03-16T00:00"))
LIFETIME = Window(utc("2026-01-01T00:00"), FOREVER)

NOW = MARCH.starts_at


def make_account(**facts):
    """A monthly hard budget of $10 on user_1 with nothing spent."""
    defaults = {
        "budget_id": ids.new_id(),
        "scope_kind": "identity",
        "scope_target": "user_1",
        "mode": "hard",
        "amount_usd": Decimal(10),
        "token_limit": None,
        "window": MARCH,
        "settled_usd": Decimal(0),
        "settled_tokens": 0,
        "settled_requests": 0,
        "held_usd": Decimal(0),
        "held_tokens": 0,
        "held_requests": 0,
    }
    numbers = {
        name: Decimal(value) if name.endswith("_usd") and value is not None else value
        for name, value in facts.items()
    }
    return Account(**{**defaults, **numbers})


def estimate(cost_usd="1", tokens=100, *, refuses_unpriced=True):
    cost = None if cost_usd is None else Decimal(cost_usd)
    return Estimate(cost, tokens, is_unpriced_refused=refuses_unpriced)


def decide(account, call=None):
    """The reason of a refusal, `admitted`, or `shadow` for a refusal without force."""
    verdict = judge([account], call or estimate(), NOW)
    if verdict.shadow:
        return "shadow"
    return verdict.refusal.reason if verdict.refusal else "admitted"


@pytest.mark.parametrize(
    ("mode", "settled", "held", "expected"),
    [
        ("hard", "0", "0", "admitted"),
        ("hard", "9.9999999999", "0", "admitted"),  # the call that crosses
        ("hard", "10", "0", "spent"),
        ("hard", "11", "0", "spent"),
        ("hard", "9", "0.9", "admitted"),
        ("hard", "9", "1", "held"),
        ("hard", "10", "5", "spent"),
        ("strict", "9", "0", "admitted"),  # exactly to the limit
        ("strict", "9.0000000001", "0", "spent"),
        ("strict", "8", "1", "admitted"),
        ("strict", "8", "1.0000000001", "held"),
        ("shadow", "9", "0", "admitted"),
        ("shadow", "10", "0", "shadow"),
        ("shadow", "9", "1", "shadow"),
    ],
)
def test_each_mode_decides_by_its_rule(mode, settled, held, expected):
    account = make_account(mode=mode, settled_usd=settled, held_usd=held)

    assert decide(account) == expected


def test_a_budget_of_zero_refuses_the_first_call():
    """A5: a canary budget of 0 must refuse."""
    assert decide(make_account(amount_usd="0")) == "spent"
    assert decide(make_account(amount_usd=None, token_limit=0)) == "spent"


def test_token_limits_work_like_amounts():
    account = make_account(amount_usd=None, token_limit=1000, settled_tokens=950)

    assert decide(account) == "admitted"
    assert decide(replace(account, mode="strict")) == "spent"
    assert decide(replace(account, settled_tokens=900, held_tokens=100)) == "held"
    assert decide(replace(account, settled_tokens=1000)) == "spent"


def test_a_call_that_costs_nothing_passes_a_spent_amount_but_not_spent_tokens():
    """A18: an exhausted budget does not block free models."""
    spent = make_account(settled_usd="10")

    assert decide(spent, estimate("0")) == "admitted"
    assert decide(replace(spent, token_limit=5, settled_tokens=5), estimate("0")) == (
        "spent"
    )


def test_an_unknown_price_is_refused_under_dollars_unless_allowed():
    """D4: an unknown price is a state, never 0."""
    account = make_account()
    allowed = estimate(None, refuses_unpriced=False)

    assert decide(account, estimate(None)) == "unpriced"
    assert decide(account, allowed) == "admitted"
    assert decide(replace(account, settled_usd=Decimal(10)), allowed) == "spent"
    tokens_only = make_account(amount_usd=None, token_limit=1000)
    assert decide(tokens_only, estimate(None)) == "admitted"


def test_without_a_budget_every_call_is_admitted():
    assert judge([], estimate(None), NOW).refusal is None


@pytest.mark.parametrize("order", [1, -1])
def test_of_several_refusals_the_one_that_lasts_longest_is_named(order):
    held = make_account(held_usd="10")
    spent_today = make_account(settled_usd="10", window=TODAY)
    spent_in_march = make_account(settled_usd="10")
    spent_for_ever = make_account(settled_usd="10", window=LIFETIME)

    def worst(*accounts, call=None):
        return judge(accounts[::order], call or estimate(), NOW).refusal.budget_id

    assert worst(held, spent_today) == spent_today.budget_id
    assert worst(held, spent_today, spent_in_march) == spent_in_march.budget_id
    assert worst(spent_in_march, spent_for_ever) == spent_for_ever.budget_id
    tokens = make_account(amount_usd=None, token_limit=0, window=LIFETIME)
    assert worst(tokens, held, call=estimate(None)) == held.budget_id  # unpriced


def test_a_refusal_carries_the_figures_it_was_decided_by():
    account = make_account(
        amount_usd=None, token_limit=100, settled_tokens=90, held_tokens=10
    )

    refusal = judge([account], estimate(), NOW).refusal

    assert (refusal.limit, refusal.settled, refusal.held) == (100, 90, 10)
    assert refusal.code == "token_budget_exceeded"
    assert refusal.resets_at == MARCH.ends_at
    lifetime = replace(account, window=LIFETIME)
    assert judge([lifetime], estimate(), NOW).refusal.resets_at is None


amounts = st.integers(0, 30).map(lambda tenths: Decimal(tenths) / 10)
counts = st.integers(0, 30)
accounts = st.builds(
    make_account,
    mode=st.sampled_from(["hard", "strict", "shadow"]),
    amount_usd=st.none() | amounts,
    token_limit=st.none() | counts,
    settled_usd=amounts,
    held_usd=amounts,
    settled_tokens=counts,
    held_tokens=counts,
    window=st.sampled_from([TODAY, MARCH, LIFETIME]),
)
estimates = st.builds(
    Estimate, st.none() | amounts, counts, is_unpriced_refused=st.booleans()
)


def admits(account, call):
    """The rule of docs/adr/0001, word for word, for one budget."""
    pairs = []
    if account.amount_usd is not None and call.cost_usd != 0:
        if call.cost_usd is None and call.is_unpriced_refused:
            return False
        used = (account.settled_usd, account.held_usd, call.cost_usd or 0)
        pairs.append((account.amount_usd, *used))
    if account.token_limit is not None:
        used = (account.settled_tokens, account.held_tokens, call.tokens)
        pairs.append((account.token_limit, *used))
    if account.mode == "strict":
        return all(
            settled + held + most <= limit for limit, settled, held, most in pairs
        )
    return all(settled + held < limit for limit, settled, held, _ in pairs)


@given(st.lists(accounts, max_size=4), estimates)
def test_the_verdict_is_that_of_the_plain_rule(budgets, call):
    """All matching budgets or none; shadow budgets never refuse, and report."""
    enforced = [b for b in budgets if b.mode != "shadow"]
    shadows = [b for b in budgets if b.mode == "shadow"]

    verdict = judge(budgets, call, NOW)

    assert (verdict.refusal is None) == all(admits(b, call) for b in enforced)
    would_refuse = {b.budget_id for b in shadows if not admits(b, call)}
    assert {refusal.budget_id for refusal in verdict.shadow} == would_refuse


@given(st.lists(accounts, min_size=1, max_size=4), estimates)
def test_held_is_said_only_where_running_calls_alone_stand_in_the_way(budgets, call):
    """A client told `held` may come back soon and not in vain."""
    verdict = judge(budgets, call, NOW)
    assume(verdict.refusal is not None)
    nothing_runs = [replace(b, held_usd=Decimal(0), held_tokens=0) for b in budgets]

    later = judge(nothing_runs, call, NOW)

    assert (verdict.refusal.reason == "held") == (later.refusal is None)


@given(
    st.sampled_from(["hard", "strict"]),
    amounts,
    st.lists(st.builds(Estimate, amounts, counts), max_size=8),
)
def test_what_runs_together_passes_the_limit_by_at_most_one_call(mode, limit, calls):
    """A16: the bound we publish, were every call to cost all of its estimate."""
    account = make_account(mode=mode, amount_usd=limit)
    dearest = Decimal(0)
    for call in calls:
        if judge([account], call, NOW).refusal is None:
            account.held_usd += call.cost_usd
            dearest = max(dearest, call.cost_usd)

    most = limit + (dearest if mode == "hard" else 0)

    assert account.held_usd <= most


def at(seconds):
    return NOW + timedelta(seconds=seconds)


def admitted_arrivals(limit, arrivals):
    """Drive one account as a batch does: what is admitted is remembered."""
    account = make_account(amount_usd=None, requests_per_minute=limit)
    for arrival in arrivals:
        if judge([account], estimate(), arrival).refusal is None:
            account.recent.append(arrival)
    return account.recent


def test_the_request_beyond_the_limit_is_told_when_the_next_one_fits():
    account = make_account(requests_per_minute=2, recent=[at(0), at(10)])

    refusal = judge([account], estimate(), at(30)).refusal

    assert refusal.code == "requests_per_minute_exceeded"
    assert (refusal.limit, refusal.settled) == (2, 2)
    assert refusal.resets_at == at(60)
    assert judge([account], estimate(), at(60)).refusal is None


def test_a_spent_amount_outlasts_a_limit_on_requests():
    account = make_account(settled_usd=10, requests_per_minute=1, recent=[at(0)])
    assert judge([account], estimate(), at(1)).refusal.code == "cost_budget_exceeded"


@given(
    limit=st.integers(1, 5),
    seconds=st.lists(st.floats(0, 300, allow_nan=False), max_size=60),
)
def test_no_rolling_minute_holds_more_calls_than_the_limit(limit, seconds):
    admitted = sorted(admitted_arrivals(limit, [at(each) for each in seconds]))
    for first in admitted:
        until = first + timedelta(seconds=60)
        assert sum(first <= each < until for each in admitted) <= limit


@given(
    limit=st.integers(1, 5),
    seconds=st.lists(st.floats(0, 300, allow_nan=False), max_size=60),
)
def test_in_order_of_arrival_a_call_is_refused_only_by_a_full_minute(limit, seconds):
    arrivals = [at(each) for each in sorted(seconds)]
    admitted = admitted_arrivals(limit, arrivals)
    expected = []
    for arrival in arrivals:
        recent = [each for each in expected if each > arrival - timedelta(seconds=60)]
        if len(recent) < limit:
            expected.append(arrival)
    assert admitted == expected
