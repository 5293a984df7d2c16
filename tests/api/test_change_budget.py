"""PATCH and DELETE /v2/budgets/{budget_id}, POST its reset-consumption."""

from __future__ import annotations

from datetime import timedelta

import pytest

from metering.models import Budget, BudgetWindow
from tests.conftest import NOON
from tests.make import make_budget, make_event


@pytest.fixture
def budget(workspace, clock):
    """Monthly, $10 and 1000 tokens, expires in a day."""
    return make_budget(
        workspace, "u1", token_limit=1000, expires_at=NOON + timedelta(days=1)
    )


@pytest.fixture
def path(budget):
    return f"/v2/budgets/{budget.public_id}"


def test_only_the_keys_that_are_there_change(api, path):
    answer = api.patch(path, {"limits": {"amount": 7.5}})

    body = answer.json()["budget"]
    assert answer.status_code == 200
    assert body["limits"] == {
        "period": "BUDGET_PERIOD_MONTHLY",
        "amount": 7.5,
        "tokenLimit": 1000,
        "token_limit": 1000,
    }
    assert body["expiresAt"] == "2026-03-16T12:00:00.000Z"
    assert "usage" not in body


def test_every_setting_can_change(api, path, clock):
    clock.shift(60)
    changes = {
        "limits": {"period": "BUDGET_PERIOD_WEEKLY", "token_limit": 5},
        "is_active": False,
        "mode": "shadow",
        "time_zone": "Asia/Tokyo",
        "week_starts_on": "saturday",
        "expires_at": "2030-01-01T00:00:00.5Z",
    }

    body = api.patch(path, changes).json()["budget"]

    assert body["limits"]["period"] == "BUDGET_PERIOD_WEEKLY"
    assert body["limits"]["token_limit"] == 5
    assert body["is_active"] is False
    assert body["mode"] == "shadow"
    assert body["time_zone"] == "Asia/Tokyo"
    assert body["week_starts_on"] == "saturday"
    assert body["expires_at"] == "2030-01-01T00:00:00.500Z"
    assert body["updated_at"] == "2026-03-15T12:01:00.000Z"
    assert body["created_at"] == "2026-03-15T12:00:00.000Z"
    assert api.get(path).json()["budget"].items() >= body.items()


def test_what_is_spent_stays_counted(api, path, workspace):
    make_event(workspace, "u1", cost_usd=3)

    api.patch(path, {"limits": {"amount": 2}})

    assert api.get(path).json()["budget"]["usage"]["amount"] == 3


def test_a_limit_can_be_taken_away_but_not_the_last_one(api, path):
    without_tokens = api.patch(path, {"limits": {"token_limit": None}})
    without_any = api.patch(path, {"limits": {"amount": None}})

    assert "tokenLimit" not in without_tokens.json()["budget"]["limits"]
    assert without_any.status_code == 400
    assert Budget.objects.get().amount_usd == 10


def test_expiry_can_be_cleared(api, path):
    body = api.patch(path, {"clear_expires_at": True}).json()["budget"]

    assert "expiresAt" not in body
    assert Budget.objects.get().expires_at is None


def test_clearing_and_setting_expiry_exclude_each_other(api, path):
    answer = api.patch(
        path, {"clear_expires_at": True, "expires_at": "2030-01-01T00:00:00Z"}
    )

    assert answer.status_code == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": "2026-03-15T12:00:00Z"},
        {"expires_at": "2020-01-01T00:00:00Z", "is_active": True},
    ],
)
def test_an_active_budget_cannot_expire_in_the_past(api, path, changes):
    assert api.patch(path, changes).status_code == 400


def test_an_expired_budget_cannot_be_made_active_but_can_change_otherwise(
    api, path, clock
):
    clock.shift(timedelta(days=2))

    assert api.patch(path, {"is_active": True}).status_code == 400
    assert api.patch(path, {"limits": {"amount": 3}}).status_code == 200


def test_the_scope_stays_and_the_same_scope_may_be_sent_back(api, path):
    same = {"scope": {"identity": {"identityExternalId": "u1"}}}
    other = {"scope": {"identity": {"identity_external_id": "u2"}}}

    assert api.patch(path, same).status_code == 200
    assert api.patch(path, other).status_code == 400
    assert api.patch(path, {"scope": {"workspace": {}}}).status_code == 400


@pytest.mark.parametrize(
    "body",
    [
        {"match": {"cel": "true"}},
        {"rate_limit": {"requests_per_minute": 0}},
        {"rate_limit": {}},
        {"alerts": [{"threshold_percent": 50}]},
        {"limits": []},
        {"limits": None},
        {"limits": {"period": None}},
        {"limits": {"period": "BUDGET_PERIOD_UNSPECIFIED"}},
        {"limits": {"amount": -1}},
        {"clear_expires_at": "yes"},
        {"is_active": None},
        {"mode": None},
        {"mode": "soft"},
    ],
)
def test_a_refused_body_changes_nothing(api, path, body):
    before = Budget.objects.values().get()

    answer = api.patch(path, {"time_zone": "Asia/Tokyo"} | body)

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert Budget.objects.values().get() == before


def test_a_reset_counts_from_now_on_and_keeps_the_events(api, path, workspace, clock):
    make_event(workspace, "u1", cost_usd=3)
    clock.shift(60)

    answer = api.post(f"{path}/reset-consumption", {})

    assert answer.status_code == 200
    assert answer.json()["budget"]["budgetId"] == path.rsplit("/", 1)[1]
    assert "usage" not in answer.json()["budget"]
    zeros = {"amount": 0, "tokens": 0, "requests": 0}
    assert api.get(path).json()["budget"]["usage"] == zeros
    clock.shift(60)
    make_event(workspace, "u1", cost_usd="0.5")
    assert api.get(path).json()["budget"]["usage"]["amount"] == 0.5


def test_a_reset_without_a_body_works_too(api, path):
    assert api.post(f"{path}/reset-consumption").status_code == 200


def test_windows_are_dropped_when_their_meaning_changes(api, path, budget):
    def has_window_after(change):
        BudgetWindow.objects.get_or_create(
            budget=budget, starts_at=NOON, ends_at=NOON + timedelta(days=1)
        )
        assert change().status_code == 200
        return BudgetWindow.objects.exists()

    assert has_window_after(lambda: api.patch(path, {"limits": {"amount": 1}}))
    assert not has_window_after(lambda: api.patch(path, {"time_zone": "Asia/Tokyo"}))
    assert not has_window_after(lambda: api.post(f"{path}/reset-consumption", {}))


def test_a_delete_answers_200_with_an_empty_object_and_forgets_it(api, path, budget):
    BudgetWindow.objects.create(
        budget=budget, starts_at=NOON, ends_at=NOON + timedelta(days=1)
    )

    answer = api.delete(path)

    assert (answer.status_code, answer.json()) == (200, {})
    assert api.get(path).status_code == 404
    assert api.delete(path).status_code == 404
    assert not BudgetWindow.objects.exists()
