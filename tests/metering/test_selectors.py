"""Metrics and budget usage: exact sums, caches that change no answer."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metering.models import BudgetRefusal, BudgetWindow, Hold, UsageDaily, UsageEvent
from metering.selectors import Metrics, budget_usage, metrics_for
from orqstudio.lib import ids
from tests.conftest import NOON
from tests.make import make_budget, make_event, utc

MICROSECOND = timedelta(microseconds=1)


def usage_of(budget, now=NOON):
    return budget_usage([budget], now=now)[budget.pk]


def hold(workspace, external_id, *, occurred_at=NOON, usd="0.5", tokens=10):
    Hold.objects.create(
        id=ids.new_id(),
        workspace=workspace,
        occurred_at=occurred_at,
        external_id=external_id,
        operation="chat",
        provider_key="orq",
        model="orq/echo",
        held_usd=usd,
        held_tokens=tokens,
        owner="test",
        expires_at=NOON + timedelta(minutes=1),
    )


def test_metrics_add_up_every_kind_of_call(workspace):
    facts = {"input_tokens": 7, "output_tokens": 3, "occurred_at": NOON}
    make_event(workspace, "u", cost_usd="0.0000000001", **facts)
    make_event(workspace, "u", cost_usd=None, **facts)
    make_event(workspace, "u", cost_usd=0, status="failed", **facts)
    make_event(workspace, "u", cost_usd=None, status="lost", **facts)

    metrics = metrics_for(workspace, ["u", "v"], now=NOON)

    assert metrics["u"] == Metrics(
        total_cost_usd=Decimal("0.0000000001"),
        total_tokens=40,
        input_tokens=28,
        output_tokens=12,
        total_requests=4,
        failed_requests=2,
        unpriced_requests=2,
    )
    assert metrics["u"].error_ratio == 0.5
    assert metrics["v"] == Metrics()
    assert metrics["v"].error_ratio == 0


def test_metrics_of_nobody_ask_nothing(workspace, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert metrics_for(workspace, [], now=NOON) == {}


def test_metrics_take_one_query_for_any_number(workspace, django_assert_num_queries):
    with django_assert_num_queries(1):
        metrics_for(workspace, [f"u{number}" for number in range(200)], now=NOON)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    ages_s=st.lists(
        st.integers(0, 4 * 86_400) | st.sampled_from([2 * 86_400, 86_400, 43_200]),
        max_size=8,
    ),
    span_s=st.integers(1, 3 * 86_400) | st.sampled_from([2 * 86_400, 43_200]),
)
def test_metrics_equal_the_sum_of_the_events_of_the_span(workspace, ages_s, span_s):
    UsageEvent.objects.all().delete()
    UsageDaily.objects.all().delete()
    for number, age_s in enumerate(ages_s):
        occurred_at = NOON - timedelta(seconds=age_s)
        make_event(workspace, "u", occurred_at=occurred_at, cost_usd=2**number)

    span = timedelta(seconds=span_s)
    found = metrics_for(workspace, ["u"], now=NOON, span=span)["u"]

    counted = [2**number for number, age_s in enumerate(ages_s) if age_s <= span_s]
    assert found.total_cost_usd == sum(counted)
    assert found.total_requests == len(counted)


@pytest.mark.parametrize(
    ("period", "first", "after"),
    [
        ("daily", "2026-03-15T00:00", "2026-03-16T00:00"),
        ("weekly", "2026-03-09T00:00", "2026-03-16T00:00"),
        ("monthly", "2026-03-01T00:00", "2026-04-01T00:00"),
        ("yearly", "2026-01-01T00:00", "2027-01-01T00:00"),
    ],
)
def test_usage_is_that_of_the_open_window_to_the_microsecond(
    workspace, period, first, after
):
    budget = make_budget(workspace, "u", period=period, now=NOON)
    for moment in (utc(first), utc(after)):
        make_event(workspace, "u", occurred_at=moment - MICROSECOND, cost_usd=1)
        make_event(workspace, "u", occurred_at=moment, cost_usd=10)

    usage = usage_of(budget)

    assert tuple(usage.window) == (utc(first), utc(after))
    assert usage.settled_usd == 11
    assert usage.settled_requests == 2


def test_windows_follow_the_budgets_own_time_zone(workspace):
    """Midnight of 15 March in Amsterdam is 23:00 UTC of the day before."""
    budget = make_budget(
        workspace, "u", period="daily", time_zone="Europe/Amsterdam", now=NOON
    )
    make_event(workspace, "u", occurred_at=utc("2026-03-14T22:59:59"), cost_usd=1)
    make_event(workspace, "u", occurred_at=utc("2026-03-14T23:00"), cost_usd=10)
    make_event(workspace, "u", occurred_at=utc("2026-03-15T22:59:59"), cost_usd=100)
    make_event(workspace, "u", occurred_at=utc("2026-03-15T23:00"), cost_usd=1000)

    assert usage_of(budget).settled_usd == 110


def test_a_one_time_budget_counts_from_its_creation_for_ever(workspace):
    budget = make_budget(workspace, "u", period="one_time", now=NOON)
    make_event(workspace, "u", occurred_at=NOON - MICROSECOND, cost_usd=1)
    make_event(workspace, "u", occurred_at=NOON, cost_usd=10)
    make_event(workspace, "u", occurred_at=utc("2031-01-01T00:00"), cost_usd=100)

    usage = usage_of(budget, now=utc("2031-06-01T00:00"))

    assert usage.settled_usd == 110
    assert usage.window.resets_at is None


def test_a_window_row_is_read_and_the_sum_without_it_is_the_same(workspace):
    budget = make_budget(workspace, "u", now=NOON)
    make_event(workspace, "u", occurred_at=NOON, cost_usd="1.25")
    hold(workspace, "u")
    computed = usage_of(budget)
    BudgetWindow.objects.create(
        budget=budget,
        starts_at=computed.window.starts_at,
        ends_at=computed.window.ends_at,
        settled_usd=computed.settled_usd,
        settled_tokens=computed.settled_tokens,
        settled_requests=computed.settled_requests,
        held_usd=computed.held_usd,
        held_tokens=computed.held_tokens,
        held_requests=1,
    )

    assert usage_of(budget) == computed
    assert (computed.held_usd, computed.held_tokens) == (Decimal("0.5"), 10)
    BudgetWindow.objects.update(settled_usd=7)
    assert usage_of(budget).settled_usd == 7


def test_rows_of_other_windows_are_left_aside(workspace):
    budget = make_budget(workspace, "u", now=NOON)
    window = usage_of(budget).window
    day = timedelta(days=1)
    for starts_at, ends_at in (
        (window.starts_at - day, window.starts_at),
        (window.starts_at, window.ends_at + day),
        (window.ends_at, window.ends_at + day),
    ):
        BudgetWindow.objects.create(
            budget=budget, starts_at=starts_at, ends_at=ends_at, settled_usd=9
        )

    assert usage_of(budget).settled_usd == 0


def test_holds_of_others_and_of_the_past_window_do_not_count(
    workspace, other_workspace
):
    mine, all_of_us = make_budget(workspace, "u", now=NOON), make_budget(workspace, "")
    hold(workspace, "u", usd=1)
    hold(workspace, "v", usd=10)
    hold(workspace, "u", usd=100, occurred_at=utc("2026-02-01T00:00"))
    hold(other_workspace, "u", usd=1000)

    assert usage_of(mine).held_usd == 1
    assert usage_of(all_of_us).held_usd == 11


def test_refusals_are_counted_since_the_windows_first_day(workspace):
    budget = make_budget(workspace, "u", period="weekly", now=NOON)
    for day, code in ((8, "x"), (9, "x"), (9, "y"), (15, "x")):
        BudgetRefusal.objects.create(
            budget=budget,
            day=date(2026, 3, day),
            code=code,
            refusals=10**day % 97,
            last_at=NOON,
        )

    expected = 2 * (10**9 % 97) + 10**15 % 97
    assert usage_of(budget).refusals == expected


def test_a_reset_another_clock_dates_ahead_has_happened(workspace):
    ahead = NOON + timedelta(seconds=2)
    budget = make_budget(workspace, "u", now=NOON)
    budget.reset_at = ahead
    make_event(workspace, "u", occurred_at=NOON, cost_usd=1)

    usage = usage_of(budget)

    assert usage.window.starts_at == ahead
    assert usage.settled_usd == 0


def test_usage_takes_four_queries_for_any_number(workspace):
    budgets = [make_budget(workspace, f"u{number}") for number in range(30)]
    budgets.append(make_budget(workspace, ""))

    with CaptureQueriesContext(connection) as captured:
        usages = budget_usage(budgets, now=NOON)

    assert len(usages) == 31
    assert len(captured) == 4  # windows, sums by scope kind (two), refusals
    assert budget_usage([], now=NOON) == {}
