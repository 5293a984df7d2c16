"""orq-ai-sdk for Python, unmodified: an API key from creation to deletion."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from django.utils import timezone
from orq_ai_sdk import Orq, models

pytestmark = [pytest.mark.contract, pytest.mark.slow]

CALLS = {"permission_mode": "restricted", "access": {"calls": "write"}}


@pytest.fixture
def keys(new_workspace_key, proxy):
    """The API keys of a workspace that has one key, called Command line."""
    with Orq(api_key=new_workspace_key, server_url=proxy.url) as client:
        yield client.api_keys


@pytest.fixture
def connect(proxy):
    """A client with another token."""
    return lambda token: Orq(api_key=token, server_url=proxy.url)


def status_of(call) -> int:
    """Return the status of a call that fails."""
    with pytest.raises(models.OrqError) as raised:
        call()
    return raised.value.status_code


def test_a_created_key_comes_back_whole_with_its_secret_once(keys):
    ends = timezone.now().replace(microsecond=0) + timedelta(days=1)

    created = keys.create(
        name="Backend",
        owner={"type": "service_account"},
        project_scope={"mode": "single", "project_id": "p1"},
        constraints={"expires_at": ends},
        **CALLS,
    )
    got = keys.get(api_key_id=created.id)

    assert created.token.startswith(f"sk-orq-{created.id}-")
    assert got.token == created.token_prefix == f"sk-orq-{created.id}"
    for key in (created, got):
        assert (key.name, key.status, key.active) == ("Backend", "active", True)
        assert (key.permission_mode, key.access) == ("restricted", {"calls": "write"})
        assert key.project_scope["project_id"] == "p1"
        assert key.projects == ["p1"]
        assert key.owner["type"] == "service_account"
        assert key.expiration == ends
        assert key.created == key.updated
        assert key.created.utcoffset() == timedelta()
        assert datetime.fromisoformat(key.constraints["expires_at"]) == ends


def test_the_list_is_sorted_by_name_and_can_be_narrowed(keys):
    for name, scope in (("b", {"mode": "all"}), ("a", {"single": {"project_id": "p"}})):
        keys.create(name=name, project_scope=scope)

    listed = [key.name for key in keys.list(source="workspace")]
    assert listed == ["a", "b", "Command line"]
    assert [key.name for key in keys.list(project_id="p")] == ["a"]
    assert keys.list(source="router") == []
    assert all(key.token.endswith("*") for key in keys.list())


def test_the_catalog_names_what_can_be_granted(keys):
    domains = keys.list_capabilities().domains

    access = {domain.id: "write" for domain in domains if domain.writable}
    assert keys.create(name="x", permission_mode="restricted", access=access).access
    assert {domain.group for domain in domains} <= {
        "DOMAIN_GROUP_WORKSPACE_ADMIN",
        "DOMAIN_GROUP_PLATFORM",
        "DOMAIN_GROUP_GATEWAY",
    }


def test_a_key_can_be_changed_disabled_and_enabled(keys, connect):
    created = keys.create(name="Backend")

    changed = keys.update(api_key_id=created.id, name="Front", **CALLS)
    disabled = keys.update(api_key_id=created.id, status="disabled")
    refused = status_of(lambda: connect(created.token).deployments.invoke(key="demo"))
    enabled = keys.update(api_key_id=created.id, active=True)

    assert (changed.name, changed.access) == ("Front", {"calls": "write"})
    assert (disabled.status, disabled.active, refused) == ("disabled", False, 401)
    assert (enabled.status, enabled.active) == ("active", True)
    assert enabled.updated > created.updated


def test_a_key_for_calls_calls_and_manages_nothing(keys, connect):
    caller = connect(keys.create(name="Backend", **CALLS).token)

    assert caller.deployments.invoke(key="demo").object == "chat"
    limits = {"period": "BUDGET_PERIOD_MONTHLY", "amount": 1}
    scope = {"identity": {"identity_external_id": "jane"}}
    for attempt in (
        lambda: caller.budgets.create(scope=scope, limits=limits),
        caller.api_keys.list,
        lambda: caller.identities.create(external_id="jane"),
    ):
        assert status_of(attempt) == 403


def test_the_refusal_to_read_budgets_is_the_typed_one(keys, connect):
    caller = connect(keys.create(name="Backend", **CALLS).token)

    with pytest.raises(models.ErrorResponse) as raised:
        caller.budgets.get(budget_id="x")

    assert raised.value.status_code == 403
    assert raised.value.data.code == 7
    assert raised.value.data.message == "not authorized for this endpoint"


def test_a_key_that_only_reads_makes_no_call(keys, connect):
    reader = connect(keys.create(name="R", permission_mode="read_only").token)

    assert reader.identities.list().data == []
    assert status_of(lambda: reader.deployments.invoke(key="demo")) == 403


def test_the_last_use_is_noted(keys, connect):
    created = keys.create(name="Backend")
    assert created.last_used_at is None

    connect(created.token).identities.list()

    used = keys.get(api_key_id=created.id).last_used_at
    assert timedelta() <= timezone.now() - used < timedelta(minutes=1)


def test_a_deleted_key_is_a_401_and_a_404(keys, connect):
    created = keys.create(name="Backend")

    assert keys.delete(api_key_id=created.id) is None

    assert status_of(lambda: keys.get(api_key_id=created.id)) == 404
    assert created.id not in {key.id for key in keys.list()}
    with pytest.raises(models.ErrorResponse) as raised:
        connect(created.token).identities.list()
    assert raised.value.status_code == 401
