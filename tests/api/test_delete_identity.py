"""DELETE /v2/identities/{_id or external_id}."""

from __future__ import annotations

import pytest

from identities.models import Identity
from metering.models import Budget, UsageEvent
from tests.make import make_budget, make_event, make_identity


@pytest.mark.parametrize("by", ["public_id", "external_id"])
def test_the_answer_is_200_with_an_empty_object(api, workspace, by):
    jane = make_identity(workspace, "jane")

    answer = api.delete(f"/v2/identities/{getattr(jane, by)}")

    assert (answer.status_code, answer.json()) == (200, {})
    assert answer["Content-Type"] == "application/json"
    assert not Identity.objects.exists()


def test_its_budget_goes_with_it_and_no_other(api, workspace, other_workspace):
    make_identity(workspace, "jane")
    make_budget(workspace, "jane")
    kept = {
        make_budget(workspace, "john").pk,
        make_budget(workspace, "").pk,
        make_budget(other_workspace, "jane").pk,
    }

    api.delete("/v2/identities/jane")

    assert set(Budget.objects.values_list("pk", flat=True)) == kept


def test_its_usage_stays_and_meets_a_record_made_again(api, workspace):
    make_identity(workspace, "jane")
    make_event(workspace, "jane")

    api.delete("/v2/identities/jane")
    api.post("/v2/identities", {"external_id": "jane"})
    body = api.get("/v2/identities/jane", include_metrics="true").json()

    assert UsageEvent.objects.count() == 1
    assert body["metrics"]["total_requests"] == 1


def test_a_second_delete_answers_404(api, workspace):
    make_identity(workspace, "jane")
    api.delete("/v2/identities/jane")

    assert api.delete("/v2/identities/jane").status_code == 404
