"""GET /v2/api-keys: a bare array by name; pages for the first clients."""

from __future__ import annotations

import pytest
from django.utils import timezone

from identities import services
from tests.make import make_api_key, make_budget

FIRST = "speakeasy-sdk/{} {} 2.950.13 2.0 orq-ai-sdk"
LAST_OF_THE_FIRST = FIRST.format("python", "4.12.22")


def names(answer):
    body = answer.json()
    rows = body if isinstance(body, list) else body["data"]
    return [each["name"] for each in rows]


@pytest.fixture
def three(workspace):
    """Keys c, a, B, made in this order, after the caller's own, called test."""
    return {name: make_api_key(workspace, name=name) for name in "caB"}


@pytest.fixture
def first_client(api):
    """Ask as clients of 4.10 to 4.12 do."""

    def get(agent=LAST_OF_THE_FIRST, **query):
        return api.http.get("/v2/api-keys", query, headers={"User-Agent": agent})

    return get


def test_all_keys_come_by_name_with_a_masked_token(api, three):
    body = api.get("/v2/api-keys").json()

    assert [each["name"] for each in body] == ["a", "B", "c", "test"]
    for each in body:
        assert each["token"] == f"sk-orq-{each['id']}********"
        assert "api_key" not in each


@pytest.mark.parametrize("version", ["4.13.22", "4.17.13"])
def test_newer_clients_get_the_array_too(first_client, three, version):
    assert isinstance(first_client(FIRST.format("python", version)).json(), list)


@pytest.mark.parametrize("language", ["python", "typescript"])
@pytest.mark.parametrize("version", ["4.10.36", "4.11.10", "4.12.22"])
def test_the_first_clients_get_a_page_the_newest_first(
    first_client, three, language, version
):
    body = first_client(FIRST.format(language, version)).json()

    assert set(body) == {"object", "data", "has_more"}
    assert (body["object"], body["has_more"]) == ("list", False)
    assert {each["name"] for each in body["data"]} == {"a", "B", "c", "test"}
    ids = [each["api_key_id"] for each in body["data"]]
    assert ids == sorted(ids, reverse=True)
    modes = {each["permission_mode"] for each in body["data"]}
    assert modes == {"PERMISSION_MODE_ALL"}


def test_pages_follow_one_another_and_lead_back(first_client, three):
    everything = [each["api_key_id"] for each in first_client().json()["data"]]

    start = first_client(limit=3).json()
    rest = first_client(limit=3, starting_after=everything[2]).json()
    back = first_client(limit=2, ending_before=everything[3]).json()

    def ids_of(page):
        return [each["api_key_id"] for each in page["data"]]

    assert (ids_of(start), start["has_more"]) == (everything[:3], True)
    assert (ids_of(rest), rest["has_more"]) == (everything[3:], False)
    assert (ids_of(back), back["has_more"]) == (everything[1:3], True)


@pytest.mark.parametrize(
    "query", [{"limit": 0}, {"limit": 201}, {"starting_after": "x"}]
)
def test_a_page_that_is_none_is_refused(first_client, query):
    assert first_client(**query).status_code == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"search": "READ"}, ["reader"]),
        ({"project_id": "p1"}, ["project"]),
        ({"permission_mode": "read_only"}, ["reader"]),
        ({"permission_mode": ["read_only", "restricted"]}, ["project", "reader"]),
        ({"permission_mode": "PERMISSION_MODE_READ_ONLY"}, ["reader"]),
        ({"status": "disabled"}, ["project"]),
        ({"status": "API_KEY_STATUS_REVOKED"}, ["reader"]),
        ({"status": "active"}, ["owned", "test"]),
        ({"status": ["revoked", "disabled"]}, ["project", "reader"]),
        ({"owner_type": "OWNER_TYPE_USER"}, ["owned"]),
        ({"owner_type": "OWNER_TYPE_SERVICE_ACCOUNT"}, ["project", "reader", "test"]),
        ({"source": "workspace"}, ["owned", "project", "reader", "test"]),
        ({"source": "router"}, []),
        ({"search": "o", "status": "active"}, ["owned"]),
    ],
)
def test_filters_narrow_both_forms(api, first_client, workspace, query, found):
    now = timezone.now()
    reader = make_api_key(workspace, name="reader", permission_mode="read_only")
    services.revoke_api_key(api_key=reader, now=now)
    facts = {"permission_mode": "restricted", "access": {"calls": "write"}}
    project = make_api_key(workspace, name="project", project_id="p1", **facts)
    services.update_api_key(api_key=project, changes={"status": "disabled"}, now=now)
    make_api_key(workspace, name="owned", owner_external_id="jane")

    assert names(api.get("/v2/api-keys", **query)) == found
    assert sorted(names(first_client(**query))) == found


@pytest.mark.parametrize("name", ["status", "source", "permission_mode", "owner_type"])
def test_a_filter_with_an_unknown_value_is_refused(api, name):
    answer = api.get("/v2/api-keys", **{name: "nonsense"})

    assert answer.status_code == 400
    assert name in answer.json()["message"]


def test_deleted_keys_are_not_listed(api, three):
    api.delete(f"/v2/api-keys/{three['a'].public_id}")

    assert names(api.get("/v2/api-keys")) == ["B", "c", "test"]


def test_a_key_shows_its_budget_when_asked(api, first_client, workspace, three):
    target = three["B"].public_id
    make_budget(workspace, target, scope_kind="api_key")
    query = {"search": "b", "include_budget": "true"}

    [flat] = api.get("/v2/api-keys", **query).json()
    [first] = first_client(**query).json()["data"]
    one = api.get(f"/v2/api-keys/{target}", include_budget="true").json()

    assert flat["budget"] == first["budget"] == one["budget"]
    assert one["api_key"]["budget"] == one["budget"]
    assert flat["budget"]["limits"]["amount"] == 10
    assert "budget" not in api.get("/v2/api-keys", search="b").json()[0]
