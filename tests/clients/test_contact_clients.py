"""The clients 3.12 to 4.1, unmodified: contacts, and budgets as they were then."""

from __future__ import annotations

from datetime import date

import pytest

from orqstudio.lib import ids
from tests.clients.generation_runs import CONTACTS, Run, run_generation
from tests.clients.said_by_clients import (
    assert_identity,
    assert_over_budget,
    assert_pages,
    assert_refused,
    parse,
    profile_of,
)

pytestmark = [pytest.mark.contract, pytest.mark.slow]

METADATA = {"role": "admin"}
ONE_CALL = {
    "total_cost": 0.018,
    "total_tokens": 12,
    "total_requests": 1,
    "error_rate": 0,
}


@pytest.fixture(scope="module", params=CONTACTS)
def run(request, server, key) -> Run:
    """Everything the client was given."""
    return run_generation(request.param, "contacts", server, key)


def test_a_contact_comes_back_whole_from_every_operation(run):
    profile = profile_of(run.user, metadata=METADATA)

    assert_identity(run.said("created"), profile)
    for found in run.said("found"):
        assert_identity(found, profile)
    assert ids.parse(run.said("created")["workspace_id"])
    assert run.statuses("POST", "/v2/contacts")[:2] == [201, 409]


def test_list_items_carry_metrics_that_nobody_asked_for(run):
    listed = run.said("listed")

    [item] = listed["two"]["data"]
    assert item.pop("metrics") == ONE_CALL
    assert_identity(item, profile_of(run.user, metadata=METADATA))
    assert listed["nobody"] == {"object": "list", "data": [], "has_more": False}


def test_the_cursors_walk_both_ways(run):
    assert_pages(run.said("paged"), run.user)


def test_an_update_clears_by_null(run):
    kept = {"display_name": None, "tags": [], "metadata": METADATA}

    assert_identity(run.said("updated"), profile_of(run.user, **kept))


def test_the_contact_of_the_constructor_is_billed(run):
    invoked = run.said("invoked")

    assert (invoked["object"], invoked["provider"]) == ("chat", "openailike")
    assert invoked["choices"][0]["message"]["content"] == "Hello from orqstudio."


def test_a_budget_comes_back_whole_from_every_operation(run):
    said = run.said("budgets")
    made = dict(said["made"])
    listed = said["listed"]

    assert ids.parse(made["id"])
    assert parse(made["created"]) <= parse(made["updated"])
    assert made["budget"] == {"period": "monthly", "amount": 5}
    assert (made["type"], made["contact_id"]) == ("contact", run.user)
    assert made["is_active"] is True
    consumption = made["consumption"]
    assert consumption["current_amount"] == 0.018
    assert consumption["remaining_amount"] == 4.982
    start, end = (
        date.fromisoformat(consumption[f"period_{name}"]) for name in ("start", "end")
    )
    assert (start.day, end.day) == (1, 1)
    assert 28 <= (end - start).days <= 31
    assert said["got"] == made
    del made["workspace_id"]
    assert listed == {"object": "list", "data": [made], "has_more": False}
    assert said["changed"]["budget"] == {"period": "weekly", "amount": 5}
    assert said["changed"]["is_active"] is False


def test_a_deleted_budget_is_a_404(run):
    said = run.said("budgets")

    assert said["gone"] is None
    assert_refused(said["again"], 409, 6, "APIError")
    assert_refused(said["get"], 404, 5, "APIError")
    assert_refused(said["delete"], 404, 5, "APIError")


def test_a_deleted_contact_is_a_typed_404(run):
    deleted = run.said("deleted")

    assert deleted["answer"] is None
    for name in ("retrieve", "update", "delete"):
        assert_refused(deleted[name], 404, 5)
        assert deleted[name]["error"].startswith(f"{name.title()}Contact")
        assert deleted[name]["data"].get("error") or deleted[name]["data"]["message"]


def test_other_errors_are_the_clients_own(run):
    errors = run.said("errors")

    assert_refused(run.said("again"), 409, 6, "APIError")
    assert_refused(errors["key"], 401, 16, "APIError")
    assert_refused(errors["email"], 400, 3, "APIError")


def test_a_refusal_is_surfaced_and_asked_for_once(run):
    assert_over_budget(run.said("errors")["spent"], run.spent)
    assert run.statuses("POST", "/v2/deployments/invoke").count(429) == 1
