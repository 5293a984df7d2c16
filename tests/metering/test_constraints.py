"""Every named constraint of this app is violated once, past all other checks."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from metering.models import (
    Budget,
    BudgetRefusal,
    BudgetWindow,
    Deployment,
    Hold,
    ModelPrice,
    Provider,
    UsageDaily,
    UsageEvent,
)
from orqstudio.lib import ids
from tests.conftest import NOON
from tests.make import make_budget, make_event

DAY = timedelta(days=1)
MINUS = Decimal(-1)


def add_again(model, **changes):
    """Insert a copy of the model's one row under a new key."""
    row = model.objects.order_by("pk").first()
    row.pk = ids.new_id() if model._meta.pk.name == "id" and row_has_uuid(row) else None
    for name, value in changes.items():
        setattr(row, name, value)
    row.save(force_insert=True)


def row_has_uuid(row) -> bool:
    return row._meta.pk.get_internal_type() == "UUIDField"


VIOLATIONS = {
    "provider_key_uniq": lambda: add_again(Provider),
    "provider_kind_check": lambda: Provider.objects.update(kind="mars"),
    "deployment_key_uniq": lambda: add_again(Deployment),
    "deployment_key_present_check": lambda: Deployment.objects.update(key=""),
    "model_price_once_per_start_uniq": lambda: add_again(ModelPrice),
    "model_price_range_check": lambda: ModelPrice.objects.update(
        cached_input_usd_per_mtok=MINUS
    ),
    "model_price_span_check": lambda: ModelPrice.objects.update(valid_until=NOON),
    "budget_one_per_scope_uniq": lambda: add_again(Budget),
    "budget_scope_check": lambda: Budget.objects.update(scope_kind="workspace"),
    "budget_period_check": lambda: Budget.objects.update(period="hourly"),
    "budget_mode_check": lambda: Budget.objects.update(mode="soft"),
    "budget_week_start_check": lambda: Budget.objects.update(week_starts_on=8),
    "budget_amount_not_negative_check": lambda: Budget.objects.update(amount_usd=MINUS),
    "budget_tokens_not_negative_check": lambda: Budget.objects.update(token_limit=-1),
    "budget_has_a_limit_check": lambda: Budget.objects.update(amount_usd=None),
    "budget_match_check": lambda: Budget.objects.update(match_cel="true"),
    "budget_requests_positive_check": lambda: Budget.objects.update(
        requests_per_minute=0
    ),
    "budget_window_uniq": lambda: add_again(BudgetWindow),
    "budget_window_span_check": lambda: BudgetWindow.objects.update(ends_at=NOON),
    "budget_window_not_negative_check": lambda: BudgetWindow.objects.update(
        held_usd=MINUS
    ),
    "budget_refusal_uniq": lambda: add_again(BudgetRefusal),
    "hold_not_negative_check": lambda: Hold.objects.update(held_tokens=-1),
    "usage_daily_uniq": lambda: add_again(UsageDaily),
    "usage_daily_not_negative_check": lambda: UsageDaily.objects.update(errors=-1),
}
EVENT_VIOLATIONS = {
    "usage_event_status_check": {"status": "maybe"},
    "usage_event_cost_not_negative_check": {"cost_usd": MINUS},
    "usage_event_tokens_check": {"cached_tokens": 101},
}


@pytest.fixture
def one_of_each(workspace):
    """One row in every table."""
    Provider.objects.exclude(key="orq").delete()
    budget = make_budget(workspace, "user_1")
    make_event(workspace, "user_1")
    span = {"starts_at": NOON, "ends_at": NOON + DAY}
    BudgetWindow.objects.create(budget=budget, **span)
    BudgetRefusal.objects.create(
        budget=budget, day=date(2026, 3, 15), code="x", last_at=NOON
    )
    ModelPrice.objects.create(
        workspace=workspace,
        provider_key="orq",
        model="m",
        input_usd_per_mtok=1,
        output_usd_per_mtok=1,
        valid_from=NOON,
    )
    Hold.objects.create(
        id=ids.new_id(),
        workspace=workspace,
        occurred_at=NOON,
        operation="chat",
        provider_key="orq",
        model="m",
        owner="o",
        expires_at=NOON,
    )


@pytest.mark.parametrize("name", VIOLATIONS)
def test_the_database_refuses_what_the_constraint_forbids(one_of_each, name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        VIOLATIONS[name]()


@pytest.mark.parametrize("name", EVENT_VIOLATIONS)
def test_the_partitioned_table_refuses_it_too(one_of_each, name):
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        UsageEvent.objects.update(**EVENT_VIOLATIONS[name])


def test_an_event_is_there_once(one_of_each):
    event = UsageEvent.objects.get()

    with pytest.raises(IntegrityError, match="_pkey"), transaction.atomic():
        event.save(force_insert=True)


def test_no_named_constraint_is_left_out(db):
    models = apps.get_app_config("metering").get_models()
    named = {each.name for model in models for each in model._meta.constraints}
    assert named == set(VIOLATIONS)
    with connection.cursor() as cursor:
        found = connection.introspection.get_constraints(cursor, "usage_event")
    checks = {name for name, each in found.items() if each["check"]}
    assert {name for name in checks if name.endswith("_check")} == set(EVENT_VIOLATIONS)
