"""How many queries each operation costs: committed, so that a change is a diff line.

One of them is always the key with its workspace; a list costs the same however many
rows it shows.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.api.operations import OPERATIONS, READS_KEYS, named, send
from tests.make import make_api_key, make_budget, make_event, make_identity

COUNTS = json.loads((Path(__file__).parent / "query_counts.json").read_text())
LISTS = (
    "/v2/identities",
    "/v2/identities?include_metrics=true",
    "/v2/identities?include_metrics=true&include_budget=true",
    "/v2/identities?search=user&filter_by.tags=a",
    "/v2/identities?starting_after=user_0",
    "/v2/contacts",
    "/v2/budgets",
    "/v2/api-keys",
    "/v2/api-keys?include_budget=true&status=active",
    "/v2/budgets?query=user&sort_by=BUDGET_SORT_FIELD_EXPIRES_AT",
)


@pytest.fixture
def warm_api(api):
    """A client whose key was used within the minute: no write of last_used_at."""
    api.get("/v2/budgets/x")
    return api


def count_queries(action):
    """Return the answer and the number of statements, transaction control aside."""
    with CaptureQueriesContext(connection) as captured:
        answer = action()
    statements = [each["sql"] for each in captured.captured_queries]
    return answer, len([sql for sql in statements if "SAVEPOINT" not in sql])


def fill(workspace, rows):
    for number in range(rows):
        make_identity(workspace, f"user_{number}", tags=["a"])
        make_budget(workspace, f"user_{number}")
        make_event(workspace, f"user_{number}")
        make_api_key(workspace)


@pytest.mark.parametrize("rows", [1, 9])
@pytest.mark.parametrize("path", LISTS)
def test_a_list_costs_what_is_written_however_long_it_is(
    warm_api, workspace, path, rows
):
    make_budget(workspace, "")
    fill(workspace, rows)

    answer, count = count_queries(lambda: warm_api.get(path))

    assert answer.status_code == 200
    assert count == COUNTS[f"GET {path}"]


@pytest.mark.parametrize("operation", OPERATIONS, ids=named)
def test_an_operation_costs_what_is_written(warm_api, workspace, operation):
    fill(workspace, 1)
    budget = warm_api.get("/v2/budgets").json()["data"][0]["budgetId"]
    api_key = make_api_key(workspace, **READS_KEYS).public_id
    found = {"identity": "user_0", "budget": budget, "api_key": api_key}

    answer, count = count_queries(lambda: send(warm_api, operation, **found))

    assert answer.status_code in {200, 201, 204}
    assert count == COUNTS[operation.name]


def test_nothing_is_written_down_that_is_not_counted():
    assert set(COUNTS) == {f"GET {path}" for path in LISTS} | {
        operation.name for operation in OPERATIONS
    }


def test_the_last_use_of_a_key_is_written_at_most_once_a_minute(api, clock):
    def writes(path="/v2/identities"):
        with CaptureQueriesContext(connection) as captured:
            api.get(path)
        return sum("UPDATE" in each["sql"] for each in captured.captured_queries)

    assert [writes(), writes(), writes()] == [1, 0, 0]
    clock.shift(59)
    assert writes() == 0
    clock.shift(1)
    assert writes() == 1
