"""Every route needs one right of the key, named here; no other right opens it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory

from identities.models import ApiKey, Identity
from identities.resource import WorkspaceView
from identities.rights import Level, Resource
from metering.models import Budget
from tests.api.operations import OPERATIONS, named, references_in, send
from tests.api_client import ApiClient
from tests.make import make_api_key, make_budget, make_identity, make_key

READ, WRITE = Level.READ, Level.WRITE
RULES = {
    "list_identities": (Resource.IDENTITIES, READ),
    "create_identity": (Resource.IDENTITIES, WRITE),
    "retrieve_identity": (Resource.IDENTITIES, READ),
    "update_identity": (Resource.IDENTITIES, WRITE),
    "delete_identity": (Resource.IDENTITIES, WRITE),
    "list_contacts": (Resource.IDENTITIES, READ),
    "create_contact": (Resource.IDENTITIES, WRITE),
    "retrieve_contact": (Resource.IDENTITIES, READ),
    "update_contact": (Resource.IDENTITIES, WRITE),
    "delete_contact": (Resource.IDENTITIES, WRITE),
    "list_budgets": (Resource.BUDGETS, READ),
    "create_budget": (Resource.BUDGETS, WRITE),
    "get_budget": (Resource.BUDGETS, READ),
    "update_budget": (Resource.BUDGETS, WRITE),
    "delete_budget": (Resource.BUDGETS, WRITE),
    "reset_budget": (Resource.BUDGETS, WRITE),
    "budget_consumption": (Resource.BUDGETS, READ),
    "list_api_keys": (Resource.API_KEYS, READ),
    "create_api_key": (Resource.API_KEYS, WRITE),
    "retrieve_api_key": (Resource.API_KEYS, READ),
    "update_api_key": (Resource.API_KEYS, WRITE),
    "delete_api_key": (Resource.API_KEYS, WRITE),
    "rotate_api_key": (Resource.API_KEYS, WRITE),
    "list_capabilities": (Resource.API_KEYS, READ),
    "query_report": (Resource.REPORTING, READ),
}
every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=named)


def restricted(workspace, access):
    """A client whose key has these rights and no others."""
    facts = {"permission_mode": "restricted", "access": access}
    return ApiClient(make_key(workspace, **facts))


def test_every_operation_has_a_rule():
    """The operations themselves are compared with the routes elsewhere."""
    assert {operation.name for operation in OPERATIONS} == set(RULES)


@every_operation
def test_the_right_that_is_named_is_enough(workspace, operation):
    resource, level = RULES[operation.name]
    api = restricted(workspace, {resource: level.name.lower()})
    free = {"identity": make_identity(workspace, "free").public_id}

    answer = send(api, operation, **(references_in(workspace) | free))

    assert answer.status_code in {200, 201, 204}, answer.content


@pytest.mark.parametrize("name", ["identities", "contacts"])
@pytest.mark.parametrize("level", ["none", "read"])
def test_who_may_not_write_budgets_lifts_none_with_an_identity(workspace, name, level):
    make_identity(workspace, "jane")
    make_budget(workspace, "jane")
    api = restricted(workspace, {"identities": "write", "budgets": level})

    answer = api.delete(f"/v2/{name}/jane")

    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert Identity.objects.count() == Budget.objects.count() == 1


def test_who_may_write_both_deletes_an_identity_with_its_budget(workspace):
    make_identity(workspace, "jane")
    make_budget(workspace, "jane")
    api = restricted(workspace, {"identities": "write", "budgets": "write"})

    assert api.delete("/v2/identities/jane").status_code == 200
    assert not Identity.objects.exists()
    assert not Budget.objects.exists()


@pytest.mark.parametrize(("level", "shown"), [("none", False), ("read", True)])
def test_a_budget_is_included_for_those_who_may_read_budgets(workspace, level, shown):
    make_identity(workspace, "jane")
    make_budget(workspace, "jane")
    key = make_api_key(workspace)
    make_budget(workspace, key.public_id, scope_kind="api_key")
    access = {"identities": "read", "api_keys": "read", "budgets": level}
    api = restricted(workspace, access)

    def has_budget(path):
        body = api.get(path, include_budget="true").json()
        rows = body if isinstance(body, list) else body.get("data", [body])
        return any("budget" in row for row in rows)

    for path in ("identities", "contacts", "identities/jane", "contacts/jane"):
        assert has_budget(f"/v2/{path}") is shown
    for path in ("api-keys", f"api-keys/{key.public_id}"):
        assert has_budget(f"/v2/{path}") is shown


@every_operation
def test_all_other_rights_together_are_not(workspace, operation):
    resource, level = RULES[operation.name]
    access = dict.fromkeys(set(Resource) - {resource}, "write")
    access |= {resource: "read"} if level is WRITE else {}
    api = restricted(workspace, access)

    answer = send(api, operation, **references_in(workspace))

    assert answer.status_code == 403
    assert answer.json()["code"] == 7
    assert answer.json()["message"] == "not authorized for this endpoint"


@every_operation
def test_a_key_that_only_reads_changes_nothing(workspace, operation):
    _, level = RULES[operation.name]
    api = ApiClient(make_key(workspace, permission_mode="read_only"))

    answer = send(api, operation, **references_in(workspace))

    assert (answer.status_code == 403) is (level is WRITE)


@every_operation
def test_a_key_with_all_rights_may_do_everything(api, workspace, operation):
    answer = send(api, operation, **references_in(workspace))

    assert answer.status_code in {200, 201, 204}, answer.content


ENDS = datetime(2100, 1, 1, tzinfo=UTC)
SOONER, LATER = "2099-01-01T00:00:00Z", "2100-01-01T00:00:01Z"


@pytest.mark.parametrize(
    ("own", "facts", "status"),
    [
        ({"expires_at": ENDS}, {"expires_at": SOONER}, 200),
        ({"expires_at": ENDS}, {"expires_at": LATER}, 403),
        ({"expires_at": ENDS}, {}, 403),
        ({"project_id": "a"}, {"projects": ["a"]}, 200),
        ({"project_id": "a"}, {"projects": ["b"]}, 403),
        ({"project_id": "a"}, {}, 403),
    ],
)
def test_a_key_makes_none_that_goes_beyond_its_end_or_project(
    workspace, own, facts, status
):
    api = ApiClient(make_key(workspace, **own))

    answer = api.post("/v2/api-keys", {"name": "new", **facts})

    assert answer.status_code == status, answer.content
    assert status == 200 or answer.json()["code"] == 7
    assert ApiKey.objects.filter(name="new").exists() is (status == 200)


@pytest.mark.parametrize(
    "change",
    [
        {"expires_at": LATER},
        {"clear_expires_at": True},
        {"project_scope": {"mode": "all"}},
        {"project_scope": {"mode": "single", "project_id": "b"}},
    ],
)
def test_a_key_does_not_free_itself(workspace, change):
    api = ApiClient(make_key(workspace, expires_at=ENDS, project_id="a"))
    own = ApiKey.objects.get()

    answer = api.patch(f"/v2/api-keys/{own.public_id}", change)

    own.refresh_from_db()
    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert (own.expires_at, own.project_id) == (ENDS, "a")


@pytest.mark.parametrize("own", [{"expires_at": ENDS}, {"project_id": "a"}])
def test_a_key_gets_no_secret_of_one_beyond_its_end_or_project(workspace, own):
    other = make_api_key(workspace)
    api = ApiClient(make_key(workspace, **own))
    path = f"/v2/api-keys/{other.public_id}"

    assert api.post(f"{path}/rotate", {}).status_code == 403
    assert api.patch(path, {"name": "mine"}).status_code == 403
    assert api.delete(path).status_code == 403
    assert other.secrets.count() == 1


def test_a_view_that_names_no_resource_is_closed_even_to_a_key_with_all_rights(
    workspace,
):
    class Forgotten(WorkspaceView):
        def get(self, request):
            return Response("open")

    token = make_key(workspace)
    request = APIRequestFactory().get("/", headers={"Authorization": f"Bearer {token}"})
    request.now, request.id = None, "x"

    assert Forgotten.as_view()(request).status_code == 403
