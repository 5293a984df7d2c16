"""POST /v2/budgets."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from django.db import connection

from metering.models import Budget
from tests.api_client import ApiClient
from tests.conftest import NOON
from tests.make import make_budget, make_identity, make_key, make_workspace

IDENTITY = {"identity": {"identity_external_id": "u1"}}
MONTHLY = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 5}
BODY = {"scope": IDENTITY, "limits": MONTHLY}


def test_the_answer_is_200_with_the_budget_in_both_cases(api, clock):
    answer = api.post(
        "/v2/budgets",
        {
            "scope": IDENTITY,
            "limits": MONTHLY | {"token_limit": 1000},
            "rate_limit": {"requests_per_minute": 2},
            "alerts": [{"threshold_percent": 80, "notifier_ids": ["n1"]}],
            "is_active": True,
            "expires_at": "2027-01-01T00:00:00Z",
        },
    )

    budget = Budget.objects.get()
    now = "2026-03-15T12:00:00.000Z"
    assert answer.status_code == 200
    assert answer.json() == {
        "budget": {
            "budgetId": budget.public_id,
            "budget_id": budget.public_id,
            "scope": {
                "identity": {"identityExternalId": "u1", "identity_external_id": "u1"}
            },
            "match": {"cel": 'identity == "u1"'},
            "limits": {
                "period": "BUDGET_PERIOD_MONTHLY",
                "amount": 5,
                "tokenLimit": 1000,
                "token_limit": 1000,
            },
            "rateLimit": {"requestsPerMinute": 2, "requests_per_minute": 2},
            "rate_limit": {"requestsPerMinute": 2, "requests_per_minute": 2},
            "alerts": [
                {
                    "id": budget.alerts[0]["id"],
                    "thresholdPercent": 80,
                    "threshold_percent": 80,
                    "notifierIds": ["n1"],
                    "notifier_ids": ["n1"],
                    "dimension": "BUDGET_ALERT_DIMENSION_COST",
                }
            ],
            "mode": "hard",
            "timeZone": "UTC",
            "time_zone": "UTC",
            "weekStartsOn": "monday",
            "week_starts_on": "monday",
            "isActive": True,
            "is_active": True,
            "expiresAt": "2027-01-01T00:00:00.000Z",
            "expires_at": "2027-01-01T00:00:00.000Z",
            "createdAt": now,
            "created_at": now,
            "updatedAt": now,
            "updated_at": now,
        }
    }


def test_a_workspace_budget_matches_every_call(api):
    body = api.post("/v2/budgets", {"scope": {"workspace": {}}, "limits": MONTHLY})

    budget = body.json()["budget"]
    assert budget["scope"] == {"workspace": {}}
    assert budget["match"] == {"cel": ""}


def test_what_was_not_given_is_left_out_and_active_is_the_default(api):
    budget = api.post("/v2/budgets", BODY).json()["budget"]

    assert budget["isActive"] is True
    assert "tokenLimit" not in budget["limits"]
    assert not {"expiresAt", "usage", "alerts", "rateLimit"} & set(budget)


@pytest.mark.parametrize("period", ["DAILY", "WEEKLY", "MONTHLY", "YEARLY", "ONE_TIME"])
def test_all_five_periods_come_back(api, period):
    limits = {"period": f"BUDGET_PERIOD_{period}", "token_limit": 0}

    budget = api.post("/v2/budgets", BODY | {"limits": limits}).json()["budget"]

    assert budget["limits"]["period"] == f"BUDGET_PERIOD_{period}"
    assert budget["limits"]["tokenLimit"] == 0
    assert "amount" not in budget["limits"]


def test_our_own_settings_are_kept_and_returned(api):
    settings = {
        "mode": "strict",
        "time_zone": "Europe/Amsterdam",
        "week_starts_on": "sunday",
        "is_active": False,
    }

    body = api.post("/v2/budgets", BODY | settings).json()["budget"]

    budget = Budget.objects.get()
    assert {name: body[name] for name in settings} == settings
    assert (budget.mode, budget.week_starts_on) == ("strict", 7)


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        ("0", "0"),
        ("-0.0", "0"),
        ("0.1", "0.1"),
        ("1e-10", "0.0000000001"),
        ("9999999999.9999999999", "9999999999.9999999999"),
        ("1234567890.1234567891", "1234567890.1234567891"),
        ("1.50000000000000000000", "1.5"),
        ("2.5E3", "2500"),
    ],
)
def test_amounts_are_kept_exactly_as_written(api, text, exact):
    body = (
        '{"scope": {"identity": {"identity_external_id": "u1"}},'
        f'"limits": {{"period": "BUDGET_PERIOD_DAILY", "amount": {text}}}}}'
    )

    answer = api.post("/v2/budgets", body)

    assert answer.status_code == 200
    assert Budget.objects.get().amount_usd == Decimal(exact)
    assert answer.json()["budget"]["limits"]["amount"] == float(exact)


@pytest.mark.parametrize("tokens", [0, 1000, 1000.0, 2**63 - 1])
def test_token_limits_are_whole_numbers(api, tokens):
    limits = MONTHLY | {"token_limit": tokens}

    budget = api.post("/v2/budgets", BODY | {"limits": limits}).json()["budget"]

    assert budget["limits"]["tokenLimit"] == tokens


def test_two_spellings_of_a_name_must_say_the_same(api):
    body = {
        "scope": {"workspace": {}},
        "limits": {"period": "BUDGET_PERIOD_DAILY", "tokenLimit": 7, "token_limit": 7},
    }

    same = api.post("/v2/budgets", body)
    body["limits"]["tokenLimit"] = 8
    other = api.post("/v2/budgets", body)

    assert same.json()["budget"]["limits"]["tokenLimit"] == 7
    assert other.status_code == 400
    assert "token_limit" in other.json()["message"]


def test_camel_case_is_read_as_well_so_that_nothing_is_silently_lost(api):
    body = {
        "scope": {"identity": {"identityExternalId": "u1"}},
        "limits": {"period": "BUDGET_PERIOD_DAILY", "tokenLimit": 7},
        "isActive": False,
        "expiresAt": "2020-01-01T00:00:00+02:00",
        "weekStartsOn": "friday",
    }

    budget = api.post("/v2/budgets", body).json()["budget"]

    assert budget["limits"]["token_limit"] == 7
    assert budget["is_active"] is False
    assert budget["expires_at"] == "2019-12-31T22:00:00.000Z"
    assert budget["week_starts_on"] == "friday"


def test_a_scope_that_has_a_budget_answers_409(api, workspace):
    make_budget(workspace, "u1")

    answer = api.post("/v2/budgets", BODY)

    assert answer.status_code == 409
    assert answer.json()["code"] == 6
    assert "u1" in answer.json()["message"]


def test_one_workspace_budget_is_the_most(api, charlies_api, other_workspace):
    body = BODY | {"scope": {"workspace": {}}}

    assert charlies_api.post("/v2/budgets", body).status_code == 200
    assert api.post("/v2/budgets", body).status_code == 200
    assert api.post("/v2/budgets", body).status_code == 409


def test_the_identity_may_come_later(api, workspace):
    api.post("/v2/budgets", BODY)
    make_identity(workspace, "u1")

    record = api.get("/v2/identities/u1", include_budget="true").json()

    assert record["budget"]["limits"]["amount"] == 5


def test_expiry_must_lie_in_the_future_while_the_budget_is_active(api, clock):
    now = {"expires_at": NOON.isoformat()}

    assert api.post("/v2/budgets", BODY | now).status_code == 400
    inactive = api.post("/v2/budgets", BODY | now | {"is_active": False})
    assert inactive.status_code == 200


@pytest.mark.parametrize(
    "nothing", [{"alerts": []}, {"match": None, "rate_limit": None, "alerts": None}]
)
def test_null_and_empty_ask_for_nothing(api, nothing):
    budget = api.post("/v2/budgets", BODY | nothing).json()["budget"]

    assert budget["match"] == {"cel": 'identity == "u1"'}
    assert not {"alerts", "rateLimit", "rate_limit"} & set(budget)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_many_creates_at_once_one_wins_and_the_others_answer_409():
    token = make_key(make_workspace("acme"))
    together = threading.Barrier(6)
    statuses = []

    def create():
        client = ApiClient(token)
        together.wait()
        try:
            statuses.append(client.post("/v2/budgets", BODY).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=create) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [200] + [409] * 5
