"""The clients 4.11 to 4.16, unmodified: every operation they have."""

from __future__ import annotations

import pytest

from orqstudio.lib import ids
from tests.clients.generation_runs import WRAPPED, Run, run_generation
from tests.clients.said_by_clients import (
    assert_identity,
    assert_over_budget,
    assert_pages,
    assert_refused,
    assert_said,
    parse,
    profile_of,
)

pytestmark = [pytest.mark.contract, pytest.mark.slow]

METADATA = {"role": "admin", "since": {"year": 2024}}
TWO_CALLS = {
    "total_cost": 0.024,
    "total_tokens": 16,
    "total_requests": 2,
    "error_rate": 0,
}
ZEROS = {"amount": 0, "tokens": 0, "requests": 0}
TIMES = {"created_at", "updated_at"}


@pytest.fixture(scope="module", params=WRAPPED)
def run(request, server, key) -> Run:
    """Everything one of the clients was given."""
    return run_generation(request.param, "wrapped", server, key)


@pytest.fixture
def error_class(run) -> str:
    """The class of an error without one of its own."""
    return "APIError" if run.is_node else "APIDefaultError"


def metadata_of(run: Run, kept: dict) -> dict:
    """Return what the client shows of metadata: 4.11 shows none, and sends none."""
    return {} if run.is_node else kept


def budget_of(run: Run, **limits: object) -> dict:
    """Return the scripts' budget, without what the server gives it."""
    return {
        "scope": {"identity": {"identity_external_id": run.user}},
        "match": {"cel": f'identity == "{run.user}"'},
        "limits": {
            "period": "BUDGET_PERIOD_MONTHLY",
            "amount": 5,
            "token_limit": 1000,
            **limits,
        },
        "is_active": True,
    }


def assert_budget(record: dict, facts: dict) -> None:
    """Check what the server gave, and that the rest is what was asked for."""
    assert ids.parse(record["budget_id"])
    assert parse(record["created_at"]) <= parse(record["updated_at"])
    own = {"budget_id", "created_at", "updated_at"}
    assert {name: record[name] for name in set(record) - own} == facts


def test_an_identity_comes_back_whole_from_every_operation(run):
    profile = profile_of(run.user, metadata=metadata_of(run, METADATA))

    assert_identity(run.said("created")["identity"], profile)
    for found in run.said("found"):
        assert found["identity"].pop("metrics") == TWO_CALLS
        assert_identity(found["identity"], profile)


def test_list_items_carry_metrics_only_when_asked_for(run):
    listed = run.said("listed")
    profile = profile_of(run.user, metadata=metadata_of(run, METADATA))

    [plain] = listed["plain"]["data"]
    [measured] = listed["metrics"]["data"]

    assert_identity(plain, profile)
    assert measured.pop("metrics") == TWO_CALLS
    assert_identity(measured, profile)
    assert listed["nobody"] == {"object": "list", "data": [], "has_more": False}


def test_the_cursors_walk_both_ways(run):
    assert_pages(run.said("paged"), run.user)


def test_an_update_clears_what_is_empty(run):
    updated = run.said("updated")
    record = (updated[0] if run.is_node else updated)["identity"]

    kept = {"email": None, "tags": [], "metadata": metadata_of(run, {"role": "guest"})}
    assert_identity(record, profile_of(run.user, **kept))


def test_metadata_that_the_client_loses_stays_where_it_is(run, server, key):
    """4.10 to 4.12 send `metadata: {}` whatever they were given."""
    status, body = server.request("GET", f"/v2/identities/{run.user}-body", token=key)

    assert (status, body["metadata"]) == (200, {"a": 1})
    assert body["display_name"] == ("New" if run.is_node else "Body")


def test_odd_ids_address_their_identities(run):
    assert run.said("odd") == [[True, "Odd"]] * (4 if run.is_node else 3)


def test_calls_are_billed_to_the_identity_of_the_header_or_the_body(run):
    called = run.said("called")

    assert_said(called["invoked"], "orq")
    [choice] = called["said"]["choices"]
    assert choice["message"] == {"role": "assistant", "content": "Hello"}
    assert called["said"]["usage"]["total_tokens"] == 4
    facts = {"display_name": "Body", "tags": [], "metadata": metadata_of(run, {"a": 1})}
    assert_identity(called["body"], {"external_id": f"{run.user}-body", **facts})


def test_a_budget_comes_back_whole_from_every_operation(run):
    said = run.said("budgets")
    usage = {"amount": 0.024, "tokens": 16, "requests": 2}
    weekly = budget_of(run, period="BUDGET_PERIOD_WEEKLY", amount=0.5)

    assert_budget(said["made"], budget_of(run))
    assert_budget(said["got"]["budget"], budget_of(run) | {"usage": usage})
    assert said["listed"]["data"] == [said["got"]["budget"]]
    assert (said["listed"]["object"], said["listed"]["has_more"]) == ("list", False)
    assert_budget(said["changed"]["budget"], weekly)
    assert_budget(said["embedded"]["identity"]["budget"], weekly)
    assert said["gone"] == {}


def test_a_reset_empties_the_counters(run):
    reset = run.said("budgets")["reset"]

    if run.is_node:  # 4.11 and 4.12 ask for the consumption
        before = run.said("budgets")["consumption"]
        assert before["period"] == "BUDGET_PERIOD_MONTHLY"
        assert len(before["period_date"]) == len("2026-03")
        spent = (before["cost"], before["tokens"], before["requests_in_window"])
        assert spent == (0.024, 16, 2)
        assert (reset["cost"], reset["tokens"], reset["requests_in_window"]) == (0,) * 3
    else:
        assert reset == ZEROS


def test_a_key_lives_from_its_token_to_its_end(run):
    said = run.said("keys")
    made = said["made"]
    token = made["token"]
    key = made["api_key"] if run.is_node else made
    shown = said["got"]["api_key"] if run.is_node else said["got"]

    assert token.startswith("sk-orq-")
    assert key["name"] == f"key {run.user}"
    assert said["called"] == "chat"
    assert shown["name"] == f"new {run.user}"
    assert len(said["listed"]) == 1
    assert token not in str([said["listed"], shown])
    assert said["gone"] == ({} if run.is_node else None)
    assert_refused(said["get"], 404, 5)


def test_the_resources_that_rights_are_about_are_listed(run):
    domains = run.said("capabilities")["domains"]

    assert {"identities", "budgets", "api_keys"} <= {each["id"] for each in domains}
    assert all(isinstance(each["group"], int) for each in domains)


def test_a_report_tells_what_the_identity_cost(run):
    said = run.said("reported")

    cost = {"genai.cost": 0.024}
    [point] = said["data"]
    assert (said["object"], said["has_more"]) == ("report", False)
    assert (point["dimensions"], point["metrics"]) == ({"identity": run.user}, cost)
    assert said["totals"]["metrics"] == cost
    assert said["meta"]["currency"] == "USD"


def test_what_was_deleted_is_a_404(run, error_class):
    deleted = run.said("deleted")

    assert deleted["answer"] == {}
    for name in ("retrieve", "update", "delete"):
        assert_refused(deleted[name], 404, 5, error_class)
    assert_refused(run.said("budgets")["get"], 404, 5, error_class)


def test_other_errors_are_the_clients_own(run, error_class):
    errors = run.said("errors")

    assert_refused(run.said("again"), 409, 6, error_class)
    assert_refused(run.said("budgets")["again"], 409, 6, error_class)
    for name in ("key", "key_of_budgets", "key_of_a_call", "key_of_a_chat"):
        assert_refused(errors[name], 401, 16, error_class)
    assert_refused(errors["email"], 400, 3, error_class)
    assert_refused(errors["limit"], 400, 3, error_class)
    assert_refused(errors["deployment"], 404, 5, error_class)


def test_a_refusal_is_surfaced_and_asked_for_once(run):
    assert_over_budget(run.said("errors")["spent"], run.spent)
    assert_over_budget(run.said("errors")["spent_chat"], run.spent)
    assert run.statuses("POST", "/v2/deployments/invoke").count(429) == 1
    assert run.statuses("POST", "/v2/router/chat/completions").count(429) == 1
