"""What belongs to another workspace is not there: 404, and never in a list."""

from __future__ import annotations

import re

import pytest

from identities.models import ApiKey, ApiKeySecret, Identity
from metering.models import Budget
from tests.api.operations import ON_ONE, OPERATIONS, READS_KEYS, named, send
from tests.make import make_api_key, make_budget, make_identity


@pytest.fixture
def foreign(other_workspace):
    """References of rows that Charlie's workspace has and ours has not."""
    identity = make_identity(other_workspace, "charlies", display_name="Charlie")
    budget = make_budget(other_workspace, "charlies")
    api_key = make_api_key(other_workspace, name="Charlie", **READS_KEYS)
    return {
        "identity": identity.public_id,
        "budget": budget.public_id,
        "api_key": api_key.public_id,
    }


@pytest.mark.parametrize("operation", ON_ONE, ids=named)
def test_a_foreign_reference_answers_404_and_changes_nothing(api, foreign, operation):
    api.get("/v2/budgets/x")  # the key's last use is noted before we look
    rows = [model.objects.values for model in (Identity, Budget, ApiKey, ApiKeySecret)]
    before = [list(values()) for values in rows]

    answer = send(api, operation, **foreign)
    by_external_id = send(api, operation, **foreign | {"identity": "charlies"})

    assert answer.status_code == by_external_id.status_code == 404
    assert "Charlie" not in answer.content.decode()
    assert [list(values()) for values in rows] == before


def test_the_table_above_misses_no_route_with_a_reference():
    from identities.urls import urlpatterns as identities
    from metering.urls import urlpatterns as metering

    routes = [f"/v2/{each.pattern}" for each in (*identities, *metering)]
    known = {
        each.path.format(identity="X", budget="X", api_key="X") for each in OPERATIONS
    }
    assert {re.sub(r"<\w+:\w+>", "X", route) for route in routes} == known


@pytest.mark.parametrize("path", ["/v2/identities", "/v2/budgets"])
def test_lists_show_nothing_foreign(api, workspace, foreign, path):
    make_identity(workspace, "ours")
    make_budget(workspace, "ours")

    answer = api.get(path, include_metrics="true", include_budget="true")

    assert len(answer.json()["data"]) == 1
    assert "charlies" not in answer.content.decode()


@pytest.mark.usefixtures("foreign")
def test_the_list_of_keys_shows_nothing_foreign(api, workspace):
    answer = api.get("/v2/api-keys")

    assert [each["name"] for each in answer.json()] == ["test"]
