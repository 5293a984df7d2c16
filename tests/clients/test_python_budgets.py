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


LIMITS = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 1}


@pytest.mark.parametrize(
    "scope",
    [
        {"project": {"project_id": "{user}"}},
        {"provider": {"provider": "{user}"}},
        {"model": {"model_id": "{user}/gpt-4o"}},
    ],
    ids=lambda scope: next(iter(scope)),
)
def test_every_kind_of_scope_comes_back(orq, user, scope):
    [(kind, named)] = scope.items()
    [(name, target)] = named.items()
    target = target.format(user=user)

    created = orq.budgets.create(scope={kind: {name: target}}, limits=LIMITS).budget
    page = orq.budgets.list(
        scope_kind=[f"BUDGET_SCOPE_KIND_{kind.upper()}"], scope_target_id=target
    )

    assert getattr(getattr(created.scope, kind), name) == target
    assert created.match.cel == f'{kind} == "{target}"'
    assert [each.budget_id for each in page.data] == [created.budget_id]


def test_a_match_limits_the_calls_it_holds_for(orq, user):
    cel = f'identity == "{user}" && headers["x-team"] == "blue"'
    headers = {"X-ORQ-IDENTITY-ID": user, "X-Team": "blue"}

    budget = orq.budgets.create(match={"cel": cel}, limits={**LIMITS, "amount": 0})

    assert (budget.budget.scope, budget.budget.match.cel) == (None, cel)
    with pytest.raises(models.APIDefaultError) as raised:
        orq.deployments.invoke(key="demo", http_headers=headers)
    assert raised.value.status_code == 429
    red = {**headers, "X-Team": "red"}
    assert orq.deployments.invoke(key="demo", http_headers=red).object == "chat"
    changed = orq.budgets.update(
        budget_id=budget.budget.budget_id, match={"cel": f'identity == "not {user}"'}
    )
    assert changed.budget.match.cel == f'identity == "not {user}"'
    assert orq.deployments.invoke(key="demo", http_headers=headers).object == "chat"


def test_requests_a_minute_are_limited(orq, user):
    budget = orq.budgets.create(
        scope=scope_of(user),
        limits={"period": "BUDGET_PERIOD_MONTHLY"},
        rate_limit={"requests_per_minute": 1},
    ).budget
    headers = {"X-ORQ-IDENTITY-ID": user}

    assert budget.rate_limit.requests_per_minute == 1
    assert orq.deployments.invoke(key="demo", http_headers=headers).object == "chat"
    with pytest.raises(models.APIDefaultError) as raised:
        orq.deployments.invoke(key="demo", http_headers=headers)

    assert raised.value.status_code == 429
    assert raised.value.headers["x-ratelimit-limit"] == "1"
    assert "requests_per_minute_exceeded" in raised.value.body


def test_alerts_are_kept(orq, user):
    alert = {"threshold_percent": 80, "notifier_ids": ["n1", "n2"]}
    created = orq.budgets.create(
        scope=scope_of(user), limits=LIMITS, alerts=[alert]
    ).budget
    [kept] = created.alerts

    assert (kept.threshold_percent, kept.notifier_ids) == (80, ["n1", "n2"])
    assert kept.dimension == "BUDGET_ALERT_DIMENSION_COST"
    edited = {**alert, "id": kept.id, "threshold_percent": 90}
    changed = orq.budgets.update(
        budget_id=created.budget_id, alerts=[edited, alert]
    ).budget
    assert [each.threshold_percent for each in changed.alerts] == [90, 80]
    assert changed.alerts[0].id == kept.id != changed.alerts[1].id
    cleared = orq.budgets.update(budget_id=created.budget_id, clear_alerts=True)
    assert cleared.budget.alerts is None
