"""Requests a minute and alerts of budgets over the API."""

from __future__ import annotations

import pytest

from metering.models import Budget
from orqstudio.lib import ids
from tests.make import make_budget

SCOPE = {"identity": {"identity_external_id": "u1"}}
MONTHLY = {"period": "BUDGET_PERIOD_MONTHLY"}
ALERT = {"threshold_percent": 80, "notifier_ids": ["n1", "n2"]}
COST = "BUDGET_ALERT_DIMENSION_COST"


def create(api, **facts):
    body = {"scope": SCOPE, "limits": {**MONTHLY, "amount": 5}, **facts}
    answer = api.post("/v2/budgets", body)
    assert answer.status_code == 200, answer.json()
    return answer.json()["budget"]


@pytest.fixture
def change(api, workspace):
    """PATCH a budget of $10 and 5 requests a minute; status and body."""
    budget = make_budget(workspace, "u1", requests_per_minute=5)

    def send(**body):
        answer = api.patch(f"/v2/budgets/{budget.public_id}", body)
        return answer.status_code, answer.json()

    return send


@pytest.mark.parametrize("limits", [MONTHLY, {**MONTHLY, "token_limit": 3}])
@pytest.mark.parametrize(
    "rate",
    [
        {"rate_limit": {"requests_per_minute": 2}},
        {"rateLimit": {"requestsPerMinute": 2.0}},
    ],
)
def test_a_rate_stands_alone_or_beside_other_limits(api, limits, rate):
    budget = create(api, limits=limits, **rate)

    both = {"requestsPerMinute": 2, "requests_per_minute": 2}
    assert budget["rateLimit"] == budget["rate_limit"] == both
    assert "amount" not in budget["limits"]
    assert budget["limits"].get("token_limit") == limits.get("token_limit")
    assert Budget.objects.get().requests_per_minute == 2
    [listed] = api.get("/v2/budgets").json()["data"]
    assert listed["rateLimit"] == both


def test_a_rate_does_without_limits_but_not_without_a_period(api):
    rate = {"rate_limit": {"requests_per_minute": 2}}

    for limits in ({}, {"limits": None}, {"limits": {}}):
        body = {"scope": SCOPE, **rate, **limits}
        assert api.post("/v2/budgets", body).status_code == 400


def test_a_budget_without_any_limit_is_told_what_it_could_have(api):
    body = {"scope": SCOPE, "limits": MONTHLY, "rate_limit": None}

    answer = api.post("/v2/budgets", body)

    assert answer.status_code == 400
    for name in ("limits.amount", "limits.token_limit", "requests_per_minute"):
        assert name in answer.json()["message"]


def test_a_rate_can_change_and_be_taken_away(change):
    _, changed = change(rate_limit={"requests_per_minute": 7})
    assert changed["budget"]["rateLimit"]["requestsPerMinute"] == 7

    _, unchanged = change(is_active=False)
    assert unchanged["budget"]["rateLimit"]["requestsPerMinute"] == 7

    status, without = change(rate_limit={"requests_per_minute": None})
    assert status == 200
    assert not {"rateLimit", "rate_limit"} & set(without["budget"])


def test_null_takes_the_rate_away_unless_it_is_the_last_limit(change):
    assert change(limits={"amount": None})[0] == 200
    status, refused = change(rate_limit=None)
    assert (status, refused["code"]) == (400, 3)
    assert Budget.objects.get().requests_per_minute == 5

    assert change(rate_limit=None, limits={"token_limit": 9})[0] == 200
    assert Budget.objects.get().requests_per_minute is None


def test_alerts_get_an_id_and_come_back_in_both_cases(api):
    budget = create(api, alerts=[ALERT, {**ALERT, "dimension": COST}])

    first, second = budget["alerts"]
    assert ids.parse(first["id"])
    assert first["id"] != second["id"]
    assert first == {
        "id": first["id"],
        "thresholdPercent": 80,
        "threshold_percent": 80,
        "notifierIds": ["n1", "n2"],
        "notifier_ids": ["n1", "n2"],
        "dimension": COST,
    }
    [listed] = api.get("/v2/budgets").json()["data"]
    assert listed["alerts"] == budget["alerts"]


def test_alerts_are_read_in_camel_case_too(api):
    alert = {"thresholdPercent": 80.0, "notifierIds": ["n1"], "id": None}

    [kept] = create(api, alerts=[alert])["alerts"]

    assert (kept["threshold_percent"], kept["notifier_ids"]) == (80, ["n1"])


def test_a_new_budget_names_no_ids_of_alerts(api):
    body = {
        "scope": SCOPE,
        "limits": {**MONTHLY, "amount": 5},
        "alerts": [{**ALERT, "id": ids.show(ids.new_id())}],
    }

    answer = api.post("/v2/budgets", body)

    assert answer.status_code == 400
    assert "leave id out" in answer.json()["message"]


def test_a_change_replaces_the_alerts_and_keeps_the_ids_that_are_named(change):
    _, made = change(alerts=[ALERT, {**ALERT, "threshold_percent": 50}])
    first, second = made["budget"]["alerts"]

    edited = {"id": second["id"], "threshold_percent": 60, "notifier_ids": ["n9"]}
    status, changed = change(alerts=[edited, ALERT])

    assert status == 200
    kept, new = changed["budget"]["alerts"]
    assert (kept["id"], kept["thresholdPercent"]) == (second["id"], 60)
    assert kept["notifierIds"] == ["n9"]
    assert new["id"] not in {first["id"], second["id"]}
    assert change(alerts=[{**edited, "id": first["id"]}])[0] == 400
    assert change(alerts=[edited, edited])[0] == 400
    assert change(is_active=False)[1]["budget"]["alerts"] == [kept, new]


def test_alerts_can_be_cleared(change):
    for clearing in ({"clear_alerts": True}, {"alerts": []}, {"clearAlerts": True}):
        change(alerts=[ALERT])
        assert len(Budget.objects.get().alerts) == 1

        status, cleared = change(**clearing)

        assert status == 200
        assert "alerts" not in cleared["budget"]


def test_clearing_excludes_alerts_that_are_there(change):
    assert change(clear_alerts=True, alerts=[ALERT])[0] == 400
    assert change(clear_alerts=True, alerts=[])[0] == 200
    assert change(clear_alerts=False, alerts=[ALERT])[0] == 200
    assert change(alerts=None)[0] == 200
    assert len(Budget.objects.get().alerts) == 1


def test_an_alert_needs_its_limit(api, change):
    body = {"scope": {"workspace": {}}, "limits": {**MONTHLY, "token_limit": 5}}
    answer = api.post("/v2/budgets", {**body, "alerts": [ALERT]})
    assert answer.status_code == 400
    assert "limits.amount" in answer.json()["message"]

    change(alerts=[ALERT])
    assert change(limits={"amount": None})[0] == 400
    assert change(limits={"amount": None}, clear_alerts=True)[0] == 200
    assert change(alerts=[ALERT])[0] == 400


def test_alerts_on_tokens_are_refused_by_name(api, change):
    alert = {**ALERT, "dimension": "BUDGET_ALERT_DIMENSION_TOKENS"}

    status, refused = change(alerts=[alert])

    assert status == 400
    assert "tokens are not supported" in refused["message"]


def test_alerts_are_shown_inside_an_identity(api, workspace):
    create(api, alerts=[ALERT], rate_limit={"requests_per_minute": 3})
    api.post("/v2/identities", {"external_id": "u1"})

    record = api.get("/v2/identities/u1", include_budget="true").json()

    assert record["budget"]["rate_limit"] == {"requests_per_minute": 3}
    [alert] = record["budget"]["alerts"]
    assert alert["threshold_percent"] == 80
    assert "thresholdPercent" not in alert
