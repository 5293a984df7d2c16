"""PATCH /v2/api-keys/{id}: what is named changes; revoked is for ever."""

from __future__ import annotations

import json

import pytest

from identities.models import ApiKey
from tests.api_client import ApiClient
from tests.conftest import NOON
from tests.make import make_api_key, make_key, utc

LATER = "2030-01-01T00:00:00Z"
FULL = {
    "name": "Backend",
    "permission_mode": "restricted",
    "access": {"calls": "write"},
    "bound_prefix": "a/",
    "owner_external_id": "a/1",
    "project_id": "p1",
    "expires_at": utc("2029-01-01T00:00"),
}


@pytest.fixture
def key(workspace):
    """A key with every fact set."""
    return make_api_key(workspace, **FULL)


@pytest.fixture
def patch(api, key):
    """Change the key; returns the answer."""
    return lambda **changes: api.patch(f"/v2/api-keys/{key.public_id}", changes)


def facts_of(key):
    key.refresh_from_db()
    return {name: getattr(key, name) for name in FULL}


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, {}),
        ({"name": "Front"}, {"name": "Front"}),
        ({"access": {"budgets": "read"}}, {"access": {"budgets": "read"}}),
        ({"permission_mode": "all"}, {"permission_mode": "all", "access": {}}),
        (
            {"permission_mode": "PERMISSION_MODE_READ_ONLY"},
            {"permission_mode": "read_only", "access": {}},
        ),
        ({"project_scope": {"mode": "all"}}, {"project_id": ""}),
        (
            {"project_scope": {"mode": "single", "project_id": "p2"}},
            {"project_id": "p2"},
        ),
        ({"expires_at": LATER}, {"expires_at": utc("2030-01-01T00:00")}),
        (
            {"constraints": {"expires_at": LATER}},
            {"expires_at": utc("2030-01-01T00:00")},
        ),
        ({"constraints": {"expires_at": None}}, {"expires_at": None}),
        ({"clear_expires_at": True}, {"expires_at": None}),
        ({"clear_expires_at": False}, {}),
        ({"constraints": {"identity_external_id_prefix": None}}, {"bound_prefix": ""}),
        ({"constraints": {}}, {}),
    ],
    ids=lambda value: json.dumps(value, default=str)[:50],
)
def test_what_is_named_changes_and_the_rest_stays(patch, key, changes, outcome):
    answer = patch(**changes)

    assert answer.status_code == 200, answer.content
    assert facts_of(key) == FULL | outcome


def test_from_a_prefix_to_one_identity(patch, key):
    constraints = {"identity_external_id_prefix": None, "identity_external_id": "b"}

    assert patch(constraints=constraints).status_code == 200
    assert facts_of(key)["bound_prefix"] == ""
    assert key.bound_external_id == "b"


@pytest.mark.parametrize(
    "changes",
    [
        {"name": ""},
        {"owner": {"type": "service_account"}},
        {"expiration": LATER},
        {"token": "mine"},
        {"access": {}},
        {"access": {"calls": "none"}},
        {"permission_mode": "all", "access": {"calls": "write"}},
        {"constraints": {"identity_external_id": "b"}},
        {"constraints": {"identity_external_id_prefix": "b/"}},
        {"expires_at": "2001-01-01T00:00:00Z"},
        {"expires_at": LATER, "clear_expires_at": True},
        {"clear_expires_at": "yes"},
        {"status": "paused"},
        {"status": "API_KEY_STATUS_UNSPECIFIED"},
        {"status": None},
        {"active": 1},
        {"active": True, "status": "disabled"},
        {"active": False, "status": "revoked"},
    ],
    ids=lambda value: json.dumps(value)[:50],
)
def test_what_cannot_be_kept_changes_nothing(patch, key, changes):
    before = ApiKey.objects.filter(pk=key.pk).values().get()

    answer = patch(**changes)

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert ApiKey.objects.filter(pk=key.pk).values().get() == before


@pytest.mark.parametrize(
    ("off", "on"),
    [
        ({"status": "disabled"}, {"status": "active"}),
        ({"active": False}, {"active": True}),
        ({"status": "API_KEY_STATUS_DISABLED"}, {"status": "API_KEY_STATUS_ACTIVE"}),
    ],
)
def test_a_key_can_rest_and_come_back(api, workspace, clock, off, on):
    token = make_key(workspace, name="resting")
    [record] = api.get("/v2/api-keys", search="resting").json()
    path = f"/v2/api-keys/{record['id']}"

    disabled = api.patch(path, off).json()
    assert (disabled["status"], disabled["active"]) == ("disabled", False)
    assert disabled["api_key"]["status"] == "API_KEY_STATUS_DISABLED"
    assert ApiClient(token).get("/v2/budgets").status_code == 401
    clock.shift(60)
    api.patch(path, off)
    assert ApiKey.objects.get(name="resting").disabled_at == NOON

    enabled = api.patch(path, on).json()
    assert (enabled["status"], enabled["active"]) == ("active", True)
    assert ApiClient(token).get("/v2/budgets").status_code == 200


def test_revoked_is_for_ever(patch, key):
    revoked = patch(status="revoked").json()

    assert (revoked["status"], revoked["active"]) == ("revoked", False)
    for changes in ({"status": "active"}, {"name": "x"}, {"active": True}, {}):
        answer = patch(**changes)
        assert answer.status_code == 400
        assert answer.json()["message"] == "A revoked API key cannot be changed."
    assert facts_of(key)["name"] == "Backend"


def test_a_change_moves_updated_and_nothing_moves_created(patch, key, clock):
    body = patch(name="Front").json()

    assert body["updated"] == "2026-03-15T12:00:00.000Z"
    key.refresh_from_db()
    assert body["created"] == key.created_at.isoformat(timespec="milliseconds").replace(
        "+00:00", "Z"
    )


@pytest.mark.parametrize(
    ("target", "changes"),
    [
        ({}, {"name": "mine now"}),
        ({}, {"permission_mode": "restricted", "access": {"api_keys": "read"}}),
        ({"permission_mode": "read_only"}, {"status": "revoked"}),
        (
            {"permission_mode": "restricted", "access": {"api_keys": "read"}},
            {"access": {"calls": "write"}},
        ),
        (
            {"permission_mode": "restricted", "access": {"api_keys": "read"}},
            {"permission_mode": "all"},
        ),
        (
            {"bound_external_id": "jane"},
            {"constraints": {"identity_external_id": None}},
        ),
    ],
)
def test_nobody_manages_or_makes_a_key_with_more_rights(workspace, target, changes):
    access = {"api_keys": "write"}
    token = make_key(workspace, permission_mode="restricted", access=access)
    key = make_api_key(workspace, name="target", **target)
    before = ApiKey.objects.filter(pk=key.pk).values().get()

    answer = ApiClient(token).patch(f"/v2/api-keys/{key.public_id}", changes)

    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert ApiKey.objects.filter(pk=key.pk).values().get() == before
