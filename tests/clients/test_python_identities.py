"""orq-ai-sdk for Python, unmodified: identities from creation to deletion."""

from __future__ import annotations

import pytest
from orq_ai_sdk import models

from orqstudio.lib import ids

pytestmark = [pytest.mark.contract, pytest.mark.slow]

PROFILE = {
    "display_name": "Jane Doe",
    "email": "jane@example.com",
    "avatar_url": "https://example.com/avatars/jane.jpg",
    "tags": ["hr", "engineering"],
    "metadata": {"role": "admin", "seats": 3, "since": {"year": 2024}},
}


def test_a_created_identity_comes_back_whole(orq, user):
    created = orq.identities.create(external_id=user, **PROFILE)

    identity = created.result.identity
    assert created.headers["location"] == [f"/v2/identities/{identity.id}"]
    assert ids.parse(identity.id)
    assert ids.parse(identity.workspace_id)
    assert identity.created == identity.updated
    assert {name: getattr(identity, name) for name in PROFILE} == PROFILE
    assert identity.external_id == user


def test_it_is_found_by_either_id(orq, user):
    identity = orq.identities.create(external_id=user, **PROFILE).result.identity

    assert orq.identities.retrieve(id=identity.id).identity == identity
    assert orq.identities.retrieve(id=user).identity == identity


@pytest.mark.parametrize("odd", ["team/a b", "é 50%", "a:b@c"])
def test_an_odd_external_id_addresses_its_identity(orq, user, odd):
    external_id = f"{user}-{odd}"
    orq.identities.create(external_id=external_id)

    found = orq.identities.retrieve(id=external_id).identity
    assert found.external_id == external_id
    orq.identities.update(id=external_id, display_name="Odd")
    orq.identities.delete(id=external_id)
    with pytest.raises(models.ErrorResponse):
        orq.identities.retrieve(id=external_id)


def test_metrics_and_budget_come_on_request(orq, user):
    orq.identities.create(external_id=user)
    orq.budgets.create(
        scope={"identity": {"identity_external_id": user}},
        limits={"period": "BUDGET_PERIOD_WEEKLY", "amount": 2.5},
    )
    orq.deployments.invoke(key="demo", http_headers={"X-ORQ-IDENTITY-ID": user})

    plain = orq.identities.retrieve(id=user).identity
    whole = orq.identities.retrieve(
        id=user, include_metrics=True, include_budget=True
    ).identity

    assert (plain.metrics, plain.budget) == (None, None)
    assert whole.metrics.model_dump() == {
        "total_cost": 0.018,
        "total_tokens": 12,
        "total_requests": 1,
        "error_rate": 0,
    }
    assert whole.budget.limits.period == "BUDGET_PERIOD_WEEKLY"
    assert whole.budget.limits.amount == 2.5
    assert whole.budget.scope.identity.identity_external_id == user
    assert whole.budget.is_active is True


def test_the_list_is_narrowed_by_all_tags_and_by_search(orq, user):
    tags = [f"{user}-a", f"{user}-b"]
    orq.identities.create(external_id=f"{user}-1", tags=tags, display_name=f"X{user}")
    orq.identities.create(external_id=f"{user}-2", tags=tags[:1])
    listed = orq.identities.list

    assert names(listed(filter_by_tags=tags[:1])) == [f"{user}-2", f"{user}-1"]
    assert names(listed(filter_by_tags=tags)) == [f"{user}-1"]
    assert names(listed(search=f"x{user}".upper())) == [f"{user}-1"]
    assert names(listed(search=f"{user}-2")) == [f"{user}-2"]
    assert listed(filter_by_tags=["nobody has it"]).data == []


def test_the_cursors_walk_the_list_both_ways(orq, user):
    tag = [f"{user}-page"]
    for number in range(5):
        orq.identities.create(external_id=f"{user}-{number}", tags=tag)
    newest_first = [f"{user}-{number}" for number in (4, 3, 2, 1, 0)]

    first = orq.identities.list(limit=2, filter_by_tags=tag)
    second = orq.identities.list(
        limit=2, filter_by_tags=tag, starting_after=first.data[-1].id
    )
    last = orq.identities.list(
        limit=2, filter_by_tags=tag, starting_after=second.data[-1].id
    )
    back = orq.identities.list(
        limit=2, filter_by_tags=tag, ending_before=last.data[0].id
    )

    pages = [first, second, last]
    assert [name for page in pages for name in names(page)] == newest_first
    assert [page.has_more for page in pages] == [True, True, False]
    assert names(back) == names(second)


def test_the_list_is_sorted_as_asked_and_carries_metrics(orq, user):
    tag = [f"{user}-sort"]
    for name in ("Bob", "Alice"):
        orq.identities.create(external_id=f"{user}-{name}", display_name=name, tags=tag)
    orq.identities.update(id=f"{user}-Bob", email="bob@example.com")
    listed = orq.identities.list

    by_name = listed(filter_by_tags=tag, sort_by="IDENTITY_SORT_FIELD_DISPLAY_NAME")
    by_change = listed(
        filter_by_tags=tag, sort_by="IDENTITY_SORT_FIELD_UPDATED", include_metrics=True
    )

    assert names(by_name) == [f"{user}-Alice", f"{user}-Bob"]
    assert names(by_change) == [f"{user}-Bob", f"{user}-Alice"]
    assert [each.metrics for each in by_name.data] == [None, None]
    assert [each.metrics.total_requests for each in by_change.data] == [0, 0]


def test_an_update_changes_what_it_names_and_clears_what_is_empty(orq, user):
    before = orq.identities.create(external_id=user, **PROFILE).result.identity

    after = orq.identities.update(
        id=user, email="", tags=[], metadata={"role": "guest"}
    ).identity

    assert after.email is None
    assert after.tags == []
    assert after.metadata == {"role": "guest"}
    assert after.display_name == "Jane Doe"
    assert after.updated > before.updated
    assert orq.identities.retrieve(id=before.id).identity == after


def test_a_deleted_identity_is_gone_with_its_budget(orq, user):
    orq.identities.create(external_id=user)
    budget = orq.budgets.create(
        scope={"identity": {"identity_external_id": user}},
        limits={"period": "BUDGET_PERIOD_DAILY", "amount": 1},
    ).budget

    orq.identities.delete(id=user)

    for read in (
        lambda: orq.identities.retrieve(id=user),
        lambda: orq.budgets.get(budget_id=budget.budget_id),
    ):
        with pytest.raises(models.OrqError) as raised:
            read()
        assert raised.value.status_code == 404


def test_a_second_identity_of_the_same_external_id_is_a_409(orq, user):
    orq.identities.create(external_id=user)

    with pytest.raises(models.APIDefaultError) as raised:
        orq.identities.create(external_id=user)

    assert raised.value.status_code == 409


def names(page) -> list[str]:
    """Return the external ids of a page, in its order."""
    assert page.object == "list"
    return [each.external_id for each in page.data]
