"""GET /v2/identities/{_id or external_id}."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import quote

import pytest

from tests.conftest import NOON
from tests.make import make_budget, make_event, make_identity


def test_the_record_is_found_by_id_and_by_external_id(api, workspace):
    jane = make_identity(workspace, "user_1", display_name="Jane")

    by_id = api.get(f"/v2/identities/{jane.public_id}")
    by_external_id = api.get("/v2/identities/user_1")

    assert by_id.status_code == 200
    assert by_id.json() == by_external_id.json()
    assert by_id.json()["identity"]["display_name"] == "Jane"


def test_an_id_wins_over_an_external_id_of_the_same_text(api, workspace):
    jane = make_identity(workspace, "jane")
    make_identity(workspace, jane.public_id)

    assert api.get(f"/v2/identities/{jane.public_id}").json()["external_id"] == "jane"


@pytest.mark.parametrize("external_id", ["a/b", "u/1 é", "100%", "a?b#c", "x/", "..a"])
def test_odd_characters_in_an_address_find_their_record(api, workspace, external_id):
    make_identity(workspace, external_id)

    encoded = api.get(f"/v2/identities/{quote(external_id, safe='')}")
    with_slashes = api.get(f"/v2/identities/{quote(external_id, safe='/')}")

    assert encoded.json()["external_id"] == external_id
    assert with_slashes.json() == encoded.json()


@pytest.mark.parametrize("ref", ["nobody", "0" * 26, "%00", "x" * 3000, "%FF"])
def test_an_unknown_reference_answers_404(api, ref):
    answer = api.get(f"/v2/identities/{ref}")

    assert answer.status_code == 404
    assert answer.json()["code"] == 5


def test_a_content_type_without_a_body_is_no_error(api, workspace):
    make_identity(workspace, "user_1")

    answer = api.http.get("/v2/identities/user_1", content_type="application/json")

    assert answer.status_code == 200


def test_metrics_and_budget_come_only_when_asked_for(api, workspace):
    make_identity(workspace, "user_1")
    make_budget(workspace, "user_1")
    make_event(workspace, "user_1")
    both = {"include_metrics": "true", "include_budget": "true"}

    plain = api.get("/v2/identities/user_1").json()
    full = api.get("/v2/identities/user_1", **both).json()

    assert not {"metrics", "budget"} & set(plain)
    assert {"metrics", "budget"} <= set(full) & set(full["identity"])


def test_metrics_are_those_of_the_last_thirty_times_24_hours(api, workspace, clock):
    make_identity(workspace, "user_1")
    edge = NOON - timedelta(days=30)
    make_event(workspace, occurred_at=edge - timedelta(microseconds=1), cost_usd=100)
    make_event(workspace, occurred_at=edge, cost_usd="0.01")
    make_event(workspace, occurred_at=NOON - timedelta(days=3), cost_usd="0.001691")
    make_event(workspace, occurred_at=NOON, cost_usd=0, status="failed")

    metrics = api.get("/v2/identities/user_1", include_metrics="true").json()["metrics"]

    assert metrics == {
        "total_cost": 0.011691,
        "total_tokens": 450,
        "total_requests": 3,
        "error_rate": 1 / 3,
    }


def test_metrics_without_any_call_are_zeros(api, workspace):
    make_identity(workspace, "user_1")

    metrics = api.get("/v2/identities/user_1", include_metrics="true").json()["metrics"]

    assert metrics == {
        "total_cost": 0,
        "total_tokens": 0,
        "total_requests": 0,
        "error_rate": 0,
    }


def test_the_embedded_budget_is_snake_case_with_config_and_limits(api, workspace):
    make_identity(workspace, "user_1")
    budget = make_budget(workspace, "user_1", token_limit=1000)

    body = api.get("/v2/identities/user_1", include_budget="true").json()["budget"]

    assert body["budget_id"] == budget.public_id
    assert body["limits"] == {
        "period": "BUDGET_PERIOD_MONTHLY",
        "amount": 10,
        "token_limit": 1000,
    }
    assert body["scope"] == {"identity": {"identity_external_id": "user_1"}}
    assert body["match"] == {"cel": 'identity == "user_1"'}
    assert body["is_active"] is True
    assert {"created_at", "updated_at"} <= set(body)
    assert not {"usage", "budgetId", "expires_at"} & set(body)
