"""DELETE /v2/api-keys/{id}: revoked at once, shown no more, remembered by its usage."""

from __future__ import annotations

import pytest

from identities.models import ApiKey
from tests.api_client import ApiClient
from tests.conftest import NOON
from tests.make import make_api_key, make_key

AGENT = "speakeasy-sdk/{} {} 2.950.13 2.0 orq-ai-sdk"


def test_a_deleted_key_works_no_more_and_is_gone(api, workspace, clock):
    token = make_key(workspace, name="gone")
    key = ApiKey.objects.get(name="gone")
    path = f"/v2/api-keys/{key.public_id}"

    answer = api.delete(path)

    assert (answer.status_code, answer.content) == (204, b"")
    assert ApiClient(token).get("/v2/budgets").status_code == 401
    assert api.get(path).status_code == api.delete(path).status_code == 404
    assert api.patch(path, {"name": "x"}).status_code == 404
    assert api.post(f"{path}/rotate").status_code == 404
    key.refresh_from_db()
    assert key.revoked_at == key.deleted_at == NOON


def test_a_key_revoked_before_keeps_the_time_of_that(api, workspace, clock):
    key = make_api_key(workspace)
    path = f"/v2/api-keys/{key.public_id}"
    api.patch(path, {"status": "revoked"})
    clock.shift(60)

    assert api.delete(path).status_code == 204
    key.refresh_from_db()
    assert (key.revoked_at, key.deleted_at > key.revoked_at) == (NOON, True)


def test_a_key_may_delete_itself(api):
    [own] = api.get("/v2/api-keys").json()

    assert api.delete(f"/v2/api-keys/{own['id']}").status_code == 204
    assert api.get("/v2/api-keys").status_code == 401


@pytest.mark.parametrize("language", ["python", "typescript"])
@pytest.mark.parametrize(
    ("version", "status"),
    [("4.10.36", 200), ("4.11.10", 200), ("4.12.22", 200), ("4.13.22", 204)],
)
def test_the_first_clients_want_200_with_an_object(
    api, workspace, language, version, status
):
    key = make_api_key(workspace)

    answer = api.http.delete(
        f"/v2/api-keys/{key.public_id}",
        headers={"User-Agent": AGENT.format(language, version)},
    )

    assert answer.status_code == status
    assert answer.content == (b"{}" if status == 200 else b"")


def test_nobody_deletes_a_key_with_more_rights(workspace):
    access = {"api_keys": "write"}
    token = make_key(workspace, permission_mode="restricted", access=access)
    key = make_api_key(workspace)

    answer = ApiClient(token).delete(f"/v2/api-keys/{key.public_id}")

    assert answer.status_code == 403
    key.refresh_from_db()
    assert key.revoked_at is None
