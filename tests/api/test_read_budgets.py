"""GET /v2/budgets, /v2/budgets/{budget_id} and its consumption."""

from __future__ import annotations

from datetime import timedelta

import pytest

from identities.models import Identity
from metering.models import Budget
from orqstudio.lib import ids
from tests.conftest import NOON
from tests.make import make_budget, make_event, utc


def targets(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [item["scope"]["identity"]["identityExternalId"] for item in _data(answer)]


def _data(answer):
    body = answer.json()
    assert body["hasMore"] == body["has_more"]
    assert body["object"] == "list"
    return body["data"]


def test_an_empty_list_has_all_its_keys_in_both_cases(api):
    assert api.get("/v2/budgets").json() == {
        "object": "list",
        "data": [],
        "hasMore": False,
        "has_more": False,
    }


def test_one_budget_carries_the_usage_of_its_open_window(api, workspace, clock):
    budget = make_budget(workspace, "u1")
    make_event(workspace, "u1", occurred_at=utc("2026-02-28T23:59"), cost_usd=9)
    make_event(workspace, "u1", occurred_at=utc("2026-03-01T00:00"), cost_usd="0.25")
    make_event(workspace, "u1", occurred_at=NOON, cost_usd="0.5", status="failed")
    make_event(workspace, "u2", occurred_at=NOON, cost_usd=9)

    answer = api.get(f"/v2/budgets/{budget.public_id}")

    assert answer.status_code == 200
    assert answer.json()["budget"]["usage"] == {
        "amount": 0.75,
        "tokens": 300,
        "requests": 2,
    }


def test_a_workspace_budget_counts_everybodys_calls(
    api, workspace, other_workspace, clock
):
    budget = make_budget(workspace, "")
    make_event(workspace, "u1", cost_usd=1)
    make_event(workspace, "", cost_usd=2)
    make_event(other_workspace, "u1", cost_usd=4)

    answer = api.get(f"/v2/budgets/{budget.public_id}")

    assert answer.json()["budget"]["usage"]["amount"] == 3


def test_usage_without_any_call_is_a_triple_of_zeros(api, workspace):
    budget = make_budget(workspace, "u1")

    [item] = _data(api.get("/v2/budgets"))

    assert item["budgetId"] == budget.public_id
    assert item["usage"] == {"amount": 0, "tokens": 0, "requests": 0}


@pytest.mark.parametrize("budget_id", ["x", "0" * 26, "%00", "é", "x" * 3000])
def test_an_unknown_id_answers_404(api, budget_id):
    for suffix in ("", "/consumption"):
        answer = api.get(f"/v2/budgets/{budget_id}{suffix}")
        assert (answer.status_code, answer.json()["code"]) == (404, 5)


@pytest.fixture
def six(workspace, other_workspace):
    """u0 to u5, the later changed the higher; and a stranger who must never show."""
    make_budget(other_workspace, "stranger")
    budgets = [make_budget(workspace, f"u{number}") for number in range(6)]
    for number, budget in enumerate(budgets):
        Budget.objects.filter(pk=budget.pk).update(
            updated_at=NOON + timedelta(minutes=number),
            created_at=NOON - timedelta(minutes=number),
            expires_at=NOON + timedelta(days=number) if number % 2 else None,
        )
    return budgets


def test_the_last_changed_comes_first_and_25_is_the_default_limit(api, workspace, six):
    for number in range(20):
        make_budget(workspace, f"v{number}", now=NOON - timedelta(days=1))

    answer = api.get("/v2/budgets")

    assert targets(answer)[:6] == ["u5", "u4", "u3", "u2", "u1", "u0"]
    assert len(targets(answer)) == 25
    assert answer.json()["hasMore"] is True


@pytest.mark.parametrize(
    ("sort_by", "order"),
    [
        ("UPDATED_AT", "543210"),
        ("CREATED_AT", "012345"),
        ("EXPIRES_AT", "135"),
        ("UNSPECIFIED", "543210"),
    ],
)
def test_sorting(api, six, sort_by, order):
    answer = api.get("/v2/budgets", sort_by=f"BUDGET_SORT_FIELD_{sort_by}")

    assert targets(answer)[: len(order)] == [f"u{digit}" for digit in order]
    assert len(targets(answer)) == 6


def test_pages_join_without_gap_in_both_directions(api, six):
    after = api.get("/v2/budgets", limit=2, starting_after=six[4].public_id)
    before = api.get("/v2/budgets", limit=2, ending_before=six[2].public_id)
    first = api.get("/v2/budgets", limit=3, ending_before=six[2].public_id)

    assert (targets(after), after.json()["hasMore"]) == (["u3", "u2"], True)
    assert (targets(before), before.json()["hasMore"]) == (["u4", "u3"], True)
    assert (targets(first), first.json()["hasMore"]) == (["u5", "u4", "u3"], False)


def test_filters_narrow_the_list(api, workspace, six):
    make_budget(workspace, "")
    make_budget(workspace, "daily", period="daily", is_active=False)
    kind = "BUDGET_SCOPE_KIND_"
    period = "BUDGET_PERIOD_"

    def count(**query):
        answer = api.get("/v2/budgets", **query)
        assert answer.status_code == 200, answer.json()
        return len(answer.json()["data"])

    assert count() == 8
    assert count(scope_kind=f"{kind}IDENTITY") == 7
    assert count(scope_kind=[f"{kind}IDENTITY", f"{kind}WORKSPACE"]) == 8
    assert count(scope_kind=f"{kind}MODEL") == 0
    assert count(period=f"{period}DAILY") == 1
    assert count(period=[f"{period}DAILY", f"{period}MONTHLY"]) == 8
    assert count(is_active="false") == 1
    assert count(is_active="true") == 7
    assert count(scope_target_id="u1") == 1
    assert count(scope_target_id="u") == 0
    assert count(scope_target_id=workspace.public_id) == 1


def test_the_query_looks_into_name_and_id_of_the_target(
    api, workspace, other_workspace, six
):
    named = {"source": "api", "display_name": "Émile Needle"}
    Identity.objects.create(workspace=workspace, external_id="u3", **named)
    Identity.objects.create(workspace=other_workspace, external_id="u4", **named)
    make_budget(workspace, "NEEDLE-9")
    make_budget(workspace, "")

    found = api.get("/v2/budgets", query="needle")
    whole = api.get("/v2/budgets", query="acm")

    assert set(targets(found)) == {"u3", "NEEDLE-9"}
    assert [item["scope"] for item in _data(whole)] == [{"workspace": {}}]


@pytest.mark.parametrize(
    "query",
    [
        {"limit": "0"},
        {"limit": "201"},
        {"limit": "x"},
        {"starting_after": "nobody"},
        {"starting_after": ids.show(ids.new_id())},
        {"ending_before": "0" * 26},
        {"starting_after": "a", "ending_before": "b"},
        {"scope_kind": "identity"},
        {"scope_kind": ["BUDGET_SCOPE_KIND_IDENTITY", "x"]},
        {"period": "monthly"},
        {"period": "BUDGET_PERIOD_UNSPECIFIED"},
        {"is_active": "maybe"},
        {"sort_by": "IDENTITY_SORT_FIELD_UPDATED"},
        {"query": "a\x00"},
        {"query": "x" * 501},
        {"scope_target_id": "x" * 501},
    ],
)
def test_unknown_query_values_answer_400(api, six, query):
    answer = api.get("/v2/budgets", **query)

    assert (answer.status_code, answer.json()["code"]) == (400, 3)


def test_a_cursor_of_another_workspace_is_unknown(api, other_workspace):
    stranger = make_budget(other_workspace, "stranger")

    answer = api.get("/v2/budgets", starting_after=stranger.public_id)

    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("period", "label"),
    [
        ("daily", "2026-03-16"),
        ("weekly", "2026-03-16"),
        ("monthly", "2026-03"),
        ("yearly", "2026"),
        ("one_time", None),
    ],
)
def test_consumption_is_labelled_with_the_local_period(
    api, workspace, clock, period, label
):
    """It is noon on Sunday 15 March in UTC, and Monday already on Kiritimati."""
    budget = make_budget(workspace, "u1", period=period, time_zone="Pacific/Kiritimati")
    make_event(workspace, "u1", cost_usd="0.5")

    body = api.get(f"/v2/budgets/{budget.public_id}/consumption").json()

    assert body.pop("period_date", None) == label
    assert body == {
        "budget_id": budget.public_id,
        "period": f"BUDGET_PERIOD_{period.upper()}",
        "cost": 0.5,
        "tokens": 150,
        "requests_in_window": 1,
    }
