"""The clients 4.2 to 4.9, unmodified: flat identities, contacts by upsert, calls."""

from __future__ import annotations

import pytest

from tests.clients.generation_runs import FLAT, Run, run_generation
from tests.clients.said_by_clients import (
    assert_identity,
    assert_over_budget,
    assert_pages,
    assert_refused,
    assert_said,
    profile_of,
)

pytestmark = [pytest.mark.contract, pytest.mark.slow]

METADATA = {"role": "admin", "since": {"year": 2024}}
ZEROS = dict.fromkeys(("total_cost", "total_tokens", "total_requests", "error_rate"), 0)
ONE_CALL = ZEROS | {"total_cost": 0.018, "total_tokens": 12, "total_requests": 1}


@pytest.fixture(scope="module", params=FLAT)
def run(request, server, key) -> Run:
    """Everything one of the clients was given."""
    return run_generation(request.param, "flat", server, key)


def test_an_identity_comes_back_whole_from_every_operation(run):
    profile = profile_of(run.user, metadata=METADATA)

    assert_identity(run.said("created"), profile)
    for found in run.said("found"):
        assert_identity(found, profile)
    assert run.statuses("POST", "/v2/identities")[:2] == [201, 409]


def test_list_items_carry_metrics_whether_asked_for_or_not(run):
    listed = run.said("listed")

    for name in ("plain", "metrics", "search"):
        [item] = listed[name]["data"]
        assert item.pop("metrics") == ONE_CALL
        assert_identity(item, profile_of(run.user, metadata=METADATA))
        assert listed[name]["has_more"] is False
    assert listed["nobody"] == {"object": "list", "data": [], "has_more": False}
    assert listed["whole"] >= 2


def test_the_cursors_walk_both_ways(run):
    assert_pages(run.said("paged"), run.user)


def test_an_update_clears_by_null_and_replaces_the_metadata(run):
    kept = {"display_name": None, "email": None, "tags": []}

    profile = profile_of(run.user, **kept, metadata={"role": "guest"})

    assert_identity(run.said("updated"), profile)


def test_odd_ids_address_their_identities(run):
    assert run.said("odd") == [[True, "Odd", None]] * (4 if run.is_node else 3)


def test_a_contact_is_created_and_then_updated(run):
    first, second = run.said("contacts")

    facts = {"external_id": f"{run.user}-contact", "tags": ["x"], "metadata": {}}
    assert_identity(first, {**facts, "display_name": "Jo"})
    assert_identity(second, {**facts, "display_name": "Joanna"})
    assert first["id"] == second["id"]
    assert run.statuses("POST", "/v2/contacts") == [200, 200]


def test_the_contact_of_the_constructor_and_an_identity_in_the_body_are_billed(run):
    by_header, by_body, made = run.said("invoked")

    assert_said(by_header, "openailike")
    assert_said(by_body, "openailike")
    facts = {"display_name": "Body", "tags": [], "metadata": {}}
    assert_identity(made, {"external_id": f"{run.user}-body", **facts})


def test_the_router_answers_a_chat(run):
    chatted = run.said("chatted")

    [choice] = chatted["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Hello"}
    assert chatted["usage"]["total_tokens"] == 4


def test_a_deleted_identity_is_a_typed_404(run):
    deleted = run.said("deleted")

    assert deleted["answer"] is None
    for name in ("retrieve", "update", "delete"):
        assert_refused(deleted[name], 404, 5)
        assert deleted[name]["error"].startswith(f"{name.title()}Identity")
        assert deleted[name]["data"].get("error") or deleted[name]["data"]["message"]


def test_other_errors_are_the_clients_own(run):
    errors = run.said("errors")

    assert_refused(run.said("again"), 409, 6, "APIError")
    assert_refused(errors["key"], 401, 16, "APIError")
    assert_refused(errors["key_of_a_call"], 401, 16, "APIError")
    assert_refused(errors["email"], 400, 3, "APIError")
    assert_refused(errors["limit"], 400, 3, "APIError")
    assert_refused(errors["deployment"], 404, 5, "APIError")


def test_a_refusal_is_surfaced_and_asked_for_once(run):
    assert_over_budget(run.said("errors")["spent"], run.spent)
    assert run.statuses("POST", "/v2/deployments/invoke").count(429) == 1
