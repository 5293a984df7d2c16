"""orq-ai-sdk for Python, unmodified: budgets from creation to deletion."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from orq_ai_sdk import models

pytestmark = [pytest.mark.contract, pytest.mark.slow]

PERIODS = ["DAILY", "WEEKLY", "MONTHLY", "YEARLY", "ONE_TIME"]


def scope_of(user):
    """Return the scope of an identity as the client takes it."""
    return {"identity": {"identity_external_id": user}}


@pytest.fixture
def budget(orq, user):
    """A monthly budget of USD 1 and 1000 tokens on `user`."""
    limits = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 1, "token_limit": 1000}
    return orq.budgets.create(scope=scope_of(user), limits=limits).budget


def test_a_created_budget_comes_back_whole(budget, user):
    assert budget.limits.period == "BUDGET_PERIOD_MONTHLY"
    assert (budget.limits.amount, budget.limits.token_limit) == (1, 1000)
    assert budget.scope.identity.identity_external_id == user
    assert budget.match.cel == f'identity == "{user}"'
    assert budget.is_active is True
    assert budget.created_at == budget.updated_at
    assert budget.created_at.utcoffset() == timedelta()
    assert (budget.usage, budget.expires_at, budget.alerts) == (None, None, None)


@pytest.mark.parametrize("period", PERIODS)
def test_every_period_is_taken(orq, user, period):
    limits = {"period": f"BUDGET_PERIOD_{period}", "amount": 0.1}

    budget = orq.budgets.create(scope=scope_of(user), limits=limits).budget

    assert budget.limits.period == f"BUDGET_PERIOD_{period}"
    assert budget.limits.amount == 0.1


def test_get_and_list_show_what_was_used(orq, budget, user):
    for _ in range(2):
        orq.deployments.invoke(key="demo", http_headers={"X-ORQ-IDENTITY-ID": user})

    got = orq.budgets.get(budget_id=budget.budget_id).budget
    page = orq.budgets.list(
        scope_kind=["BUDGET_SCOPE_KIND_IDENTITY"],
        scope_target_id=user,
        period=["BUDGET_PERIOD_MONTHLY"],
        is_active=True,
        limit=200,
    )

    used = {"amount": 0.036, "tokens": 24, "requests": 2}
    assert got.usage.model_dump() == used
    assert (page.object, page.data, page.has_more) == ("list", [got], False)


def test_the_list_goes_on_after_a_cursor(orq, user):
    limits = {"period": "BUDGET_PERIOD_DAILY", "amount": 1}
    created = [
        orq.budgets.create(scope=scope_of(f"{user}-{number}"), limits=limits).budget
        for number in range(3)
    ]
    newest_first = [each.budget_id for each in reversed(created)]
    sort = {"query": f"{user}-", "sort_by": "BUDGET_SORT_FIELD_CREATED_AT"}

    first = orq.budgets.list(limit=2, **sort)
    rest = orq.budgets.list(limit=2, starting_after=first.data[-1].budget_id, **sort)

    found = [each.budget_id for page in (first, rest) for each in page.data]
    assert found == newest_first
    assert (first.has_more, rest.has_more) == (True, False)


def test_an_update_keeps_what_was_used(orq, budget, user):
    orq.deployments.invoke(key="demo", http_headers={"X-ORQ-IDENTITY-ID": user})
    expires_at = timezone.now().replace(microsecond=0) + timedelta(days=3)

    updated = orq.budgets.update(
        budget_id=budget.budget_id,
        limits={"period": "BUDGET_PERIOD_MONTHLY", "amount": 2},
        expires_at=expires_at,
    ).budget
    got = orq.budgets.get(budget_id=budget.budget_id).budget

    assert updated.limits.amount == got.limits.amount == 2
    assert updated.expires_at == got.expires_at == expires_at
    assert updated.updated_at > budget.updated_at
    assert got.usage.requests == 1
    cleared = orq.budgets.update(budget_id=budget.budget_id, clear_expires_at=True)
    assert cleared.budget.expires_at is None


def test_a_reset_sets_all_three_counters_to_zero(orq, budget, user):
    orq.deployments.invoke(key="demo", http_headers={"X-ORQ-IDENTITY-ID": user})

    orq.budgets.reset_consumption(
        budget_id=budget.budget_id, reset_budget_consumption_request={}
    )

    usage = orq.budgets.get(budget_id=budget.budget_id).budget.usage
    assert usage.model_dump() == {"amount": 0, "tokens": 0, "requests": 0}


def test_a_deleted_budget_is_a_404_and_its_limit_ends(orq, user):
    limits = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 0}
    budget = orq.budgets.create(scope=scope_of(user), limits=limits).budget
    headers = {"X-ORQ-IDENTITY-ID": user}
    with pytest.raises(models.APIDefaultError):
        orq.deployments.invoke(key="demo", http_headers=headers)

    orq.budgets.delete(budget_id=budget.budget_id)

    with pytest.raises(models.APIDefaultError) as raised:
        orq.budgets.get(budget_id=budget.budget_id)
    assert raised.value.status_code == 404
    assert orq.deployments.invoke(key="demo", http_headers=headers).object == "chat"


@pytest.mark.parametrize(
    "facts",
    [
        {"scope": {"provider": {"provider": "openai"}}},
        {"match": {"cel": 'model == "x"'}},
        {"rate_limit": {"requests_per_minute": 2}},
    ],
)
def test_what_is_not_there_yet_is_refused_not_ignored(orq, user, facts):
    limits = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 1}
    scope = {} if "match" in facts else {"scope": scope_of(user)}

    with pytest.raises(models.APIDefaultError) as raised:
        orq.budgets.create(**{**scope, "limits": limits, **facts})

    assert raised.value.status_code == 400
