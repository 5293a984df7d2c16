"""What belongs to another workspace is not there: 404, and never in a list."""

from __future__ import annotations

import pytest

from identities.models import Identity
from metering.models import Budget
from tests.api.operations import ON_ONE, OPERATIONS, named, send
from tests.make import make_budget, make_identity


@pytest.fixture
def foreign(other_workspace):
    """References of rows that Charlie's workspace has and ours has not."""
    identity = make_identity(other_workspace, "charlies", display_name="Charlie")
    budget = make_budget(other_workspace, "charlies")
    return {
        "identity": identity.public_id,
        "budget": budget.public_id,
        "external_id": "charlies",
    }


@pytest.mark.parametrize("operation", ON_ONE, ids=named)
def test_a_foreign_reference_answers_404_and_changes_nothing(api, foreign, operation):
    rows = (Identity.objects.values, Budget.objects.values)
    before = [list(values()) for values in rows]

    references = {name: foreign[name] for name in ("identity", "budget")}
    answer = send(api, operation, **references)
    by_external_id = send(api, operation, **references | {"identity": "charlies"})

    assert answer.status_code == by_external_id.status_code == 404
    assert "Charlie" not in answer.content.decode()
    assert [list(values()) for values in rows] == before


def test_the_table_above_misses_no_route_with_a_reference():
    from identities.urls import urlpatterns as identities
    from metering.urls import urlpatterns as metering

    routes = [f"/v2/{each.pattern}" for each in (*identities, *metering)]
    known = {each.path.format(identity="X", budget="X") for each in OPERATIONS}
    assert {
        route.replace("<path:ref>", "X").replace("<str:budget_id>", "X")
        for route in routes
    } == known


@pytest.mark.parametrize("path", ["/v2/identities", "/v2/budgets"])
def test_lists_show_nothing_foreign(api, workspace, foreign, path):
    make_identity(workspace, "ours")
    make_budget(workspace, "ours")

    answer = api.get(path, include_metrics="true", include_budget="true")

    assert len(answer.json()["data"]) == 1
    assert "charlies" not in answer.content.decode()
