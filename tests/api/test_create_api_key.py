"""POST /v2/api-keys: the secret once, the facts as asked, and no right too many."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest

from identities.models import ApiKey, ApiKeySecret
from orqstudio.lib.tokens import hash_token
from tests.api_client import ApiClient
from tests.conftest import NOON
from tests.make import make_key

INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
LATER = "2030-01-01T00:00:00Z"


@pytest.fixture
def create(api):
    """Create a key called `new`; returns its body."""

    def create(**facts):
        answer = api.post("/v2/api-keys", {"name": "new", **facts})
        assert answer.status_code == 200, answer.content
        return answer.json()

    return create


def key_of(body) -> ApiKey:
    return ApiKey.objects.get(name=body["name"])


def test_a_key_of_a_name_alone_has_all_rights_and_no_end(create, workspace):
    body = create()

    key = key_of(body)
    assert re.fullmatch(rf"sk-orq-{key.public_id}-[0-9a-f]{{64}}", body["token"])
    assert INSTANT.fullmatch(body["created"])
    assert body == {
        "id": key.public_id,
        "name": "new",
        "workspace_id": workspace.public_id,
        "token": body["token"],
        "token_prefix": f"sk-orq-{key.public_id}",
        "status": "active",
        "active": True,
        "is_legacy": False,
        "source": "workspace",
        "owner": {"type": "service_account", "service_account": {}},
        "project_scope": {"mode": "all", "all": {}},
        "projects": [],
        "permission_mode": "all",
        "access": {},
        "constraints": {},
        "created": body["created"],
        "updated": body["created"],
        "api_key": {
            "api_key_id": key.public_id,
            "name": "new",
            "owner": {"service_account": {}},
            "project_scope": {"all": {}},
            "permission_mode": "PERMISSION_MODE_ALL",
            "access": {},
            "token_prefix": f"sk-orq-{key.public_id}",
            "status": "API_KEY_STATUS_ACTIVE",
            "created_at": body["created"],
            "updated_at": body["created"],
        },
    }


def test_the_secret_works_and_is_kept_as_a_hash_alone(create, api):
    body = create()

    assert ApiClient(body["token"]).get("/v2/budgets").status_code == 200
    secret = ApiKeySecret.objects.get(api_key=key_of(body))
    assert bytes(secret.token_hash) == hash_token(body["token"])
    rows = [*ApiKey.objects.values(), *ApiKeySecret.objects.values()]
    assert body["token"].rpartition("-")[2] not in str(rows)
    for path in ("/v2/api-keys", f"/v2/api-keys/{body['id']}"):
        assert body["token"] not in api.get(path).content.decode()


@pytest.mark.parametrize("mode", ["all", "read_only"])
def test_modes_are_said_short_or_long(create, mode):
    short = create(permission_mode=mode)
    long = create(name="long", permission_mode=f"PERMISSION_MODE_{mode.upper()}")

    assert short["permission_mode"] == long["permission_mode"] == mode
    assert key_of(short).rights == key_of(long).rights


@pytest.mark.parametrize("read", ["read", "ACCESS_LEVEL_READ", 2])
@pytest.mark.parametrize("write", ["write", "ACCESS_LEVEL_WRITE", 3])
@pytest.mark.parametrize("none", ["none", "ACCESS_LEVEL_NONE", 1])
def test_levels_are_said_as_every_generation_says_them(create, read, write, none):
    access = {"calls": write, "budgets": read, "identities": none}

    body = create(permission_mode="restricted", access=access)

    assert body["access"] == {"calls": "write", "budgets": "read"}
    assert body["api_key"]["access"] == {"calls": 3, "budgets": 2}


@pytest.mark.parametrize(
    "facts",
    [
        {"constraints": {"expires_at": LATER}},
        {"expiration": LATER},
        {"expires_at": LATER},
        {"expires_at": LATER, "constraints": {"expires_at": LATER}},
    ],
)
def test_an_expiry_may_stand_in_three_places(create, facts):
    body = create(**facts)

    assert key_of(body).expires_at == datetime(2030, 1, 1, tzinfo=UTC)
    shown = {
        body["expiration"],
        body["constraints"]["expires_at"],
        body["api_key"]["expires_at"],
    }
    assert shown == {"2030-01-01T00:00:00.000Z"}


def test_a_key_ends_at_its_expiry(create, clock):
    token = create(expires_at="2026-03-15T12:01:00Z")["token"]

    clock.shift(59)
    assert ApiClient(token).get("/v2/budgets").status_code == 200
    clock.shift(1)
    assert ApiClient(token).get("/v2/budgets").status_code == 401


@pytest.mark.parametrize(
    "facts",
    [
        {"project_scope": {"mode": "single", "project_id": "p 1"}},
        {"project_scope": {"mode": "PROJECT_SCOPE_MODE_SINGLE", "project_id": "p 1"}},
        {"project_scope": {"single": {"project_id": "p 1"}}},
        {"projects": ["p 1"]},
    ],
)
def test_a_project_is_said_in_four_ways(create, facts):
    body = create(**facts)

    assert key_of(body).project_id == "p 1"
    assert body["projects"] == ["p 1"]
    assert body["api_key"]["project_scope"] == {"single": {"project_id": "p 1"}}
    again = create(name="again", project_scope=body["project_scope"])
    assert again["project_scope"] == body["project_scope"]


@pytest.mark.parametrize(
    "facts",
    [
        {"project_scope": {"mode": "all"}},
        {"project_scope": {"all": {}}},
        {"projects": None},
        {"projects": []},
    ],
)
def test_all_projects_are_none_in_particular(create, facts):
    assert key_of(create(**facts)).project_id == ""


@pytest.mark.parametrize(
    "owner", [{"type": "user", "user_id": "jane"}, {"user": {"user_id": "jane"}}]
)
def test_an_owner_is_said_in_two_ways(create, owner):
    body = create(owner=owner)

    assert key_of(body).owner_external_id == "jane"
    assert body["owner"]["type"] == "user"
    assert body["owner"]["user_id"] == body["api_key"]["owner"]["user"]["user_id"]


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("identity_external_id", "bound_external_id"),
        ("identity_external_id_prefix", "bound_prefix"),
    ],
)
def test_a_key_may_be_bound(create, name, field):
    body = create(constraints={name: "team/1"})

    assert body["constraints"] == {name: "team/1"}
    assert getattr(key_of(body), field) == "team/1"


WRONG = [
    {"name": ""},
    {"name": " \t"},
    {"name": "x" * 121},
    {"name": None},
    {"name": 1},
    {"acces": {}},
    {"labels": {"a": "b"}},
    {"mcp_access": {"deny_all": True}},
    {"permission_mode": "some"},
    {"permission_mode": "PERMISSION_MODE_UNSPECIFIED"},
    {"permission_mode": 1},
    {"permission_mode": []},
    {"permission_mode": "restricted"},
    {"permission_mode": "restricted", "access": {}},
    {"permission_mode": "restricted", "access": {"calls": "none"}},
    {"permission_mode": "restricted", "access": {"agents": "read"}},
    {"permission_mode": "restricted", "access": {"calls": "execute"}},
    {"permission_mode": "restricted", "access": {"calls": 4}},
    {"permission_mode": "restricted", "access": {"calls": 2.0}},
    {"permission_mode": "restricted", "access": {"calls": True}},
    {"permission_mode": "restricted", "access": {"calls": None}},
    {"permission_mode": "restricted", "access": {"calls": ["read"]}},
    {"permission_mode": "restricted", "access": ["calls"]},
    {"access": {"calls": "read"}},
    {"permission_mode": "read_only", "access": {"calls": "read"}},
    {"project_scope": {}},
    {"project_scope": []},
    {"project_scope": "all"},
    {"project_scope": {"mode": "some"}},
    {"project_scope": {"mode": ["all"]}},
    {"project_scope": {"mode": "single"}},
    {"project_scope": {"mode": "single", "project_id": ""}},
    {"project_scope": {"mode": "single", "project_id": 1}},
    {"project_scope": {"mode": "single", "project_id": "x" * 121}},
    {"project_scope": {"mode": "all", "project_id": "x"}},
    {"project_scope": {"all": {"project_id": False}}},
    {"project_scope": {"mode": "all", "single": {"project_id": "x"}}},
    {"project_scope": {"all": {}, "single": {"project_id": "x"}}},
    {"project_scope": {"single": "x"}},
    {"project_scope": {"single": {"project_id": "x"}, "team": {}}},
    {"projects": ["a", "b"]},
    {"projects": [1]},
    {"projects": "a"},
    {"projects": ["a"], "project_scope": {"all": {}}},
    {"owner": {}},
    {"owner": "jane"},
    {"owner": {"type": "team"}},
    {"owner": {"type": ["user"]}},
    {"owner": {"type": "user"}},
    {"owner": {"type": "user", "user_id": 7}},
    {"owner": {"user": "jane"}},
    {"owner": {"user": {"user_id": "a"}, "service_account": {}}},
    {"owner": {"type": "service_account", "user": {"user_id": "a"}}},
    {"constraints": []},
    {"constraints": {"budget": {"amount": 1}}},
    {"constraints": {"expires_at": "tomorrow"}},
    {"constraints": {"expires_at": "2001-01-01T00:00:00Z"}},
    {"constraints": {"identity_external_id": ""}},
    {"constraints": {"identity_external_id": "x" * 256}},
    {"constraints": {"identity_external_id_prefix": " a"}},
    {
        "constraints": {
            "identity_external_id": "a/1",
            "identity_external_id_prefix": "a/",
        }
    },
    {
        "constraints": {"identity_external_id_prefix": "a/"},
        "owner": {"type": "user", "user_id": "b/1"},
    },
    {"expiration": LATER, "expires_at": "2031-01-01T00:00:00Z"},
    {"expiration": 1893456000},
    {"expires_at": "2030-01-01T00:00:00"},
]


@pytest.mark.parametrize("facts", WRONG, ids=lambda facts: json.dumps(facts)[:60])
def test_what_cannot_be_kept_makes_no_key(api, facts):
    answer = api.post("/v2/api-keys", {"name": "new", **facts})

    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert not ApiKey.objects.filter(name="new").exists()


def test_an_expiry_of_this_instant_lies_behind(api, clock):
    body = {"name": "new", "expires_at": NOON.isoformat()}

    assert api.post("/v2/api-keys", body).status_code == 400


def test_the_message_names_what_there_is(api):
    body = {
        "name": "new",
        "permission_mode": "restricted",
        "access": {"agents": "read"},
        "extra": 1,
    }

    unknown = api.post("/v2/api-keys", body).json()["message"]
    del body["extra"]
    domain = api.post("/v2/api-keys", body).json()["message"]

    assert unknown == "extra: There is no such field."
    known = "identities, budgets, api_keys, reporting, calls"
    assert domain == f"access: agents is none of {known}."


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"permission_mode": "read_only"},
        {"permission_mode": "restricted", "access": {"calls": "write"}},
        {"permission_mode": "restricted", "access": {"budgets": "write"}},
        {"constraints": {"identity_external_id": "jane"}},
    ],
)
def test_nobody_grants_more_than_they_have(workspace, facts):
    access = {"api_keys": "write", "budgets": "read"}
    token = make_key(workspace, permission_mode="restricted", access=access)

    answer = ApiClient(token).post("/v2/api-keys", {"name": "new", **facts})

    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert "no more rights than its own" in answer.json()["message"]
    assert ApiKey.objects.count() == 1


def test_what_one_has_oneself_may_be_granted(workspace):
    access = {"api_keys": "write", "budgets": "read"}
    token = make_key(workspace, permission_mode="restricted", access=access)
    facts = {"permission_mode": "restricted", "access": access}

    answer = ApiClient(token).post("/v2/api-keys", {"name": "new", **facts})

    assert answer.status_code == 200
