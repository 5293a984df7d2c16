"""POST /v2/api-keys/{id}/rotate: a new secret now, the old one for a while."""

from __future__ import annotations

import pytest

from identities.models import ApiKey, ApiKeySecret
from tests.api_client import ApiClient
from tests.make import make_api_key, make_key, utc


@pytest.fixture
def old(workspace):
    """The token of a key called `rotated`."""
    return make_key(workspace, name="rotated")


@pytest.fixture
def rotate(api, old):
    """Rotate the key; returns the body."""

    def rotate(**body):
        key = ApiKey.objects.get(name="rotated")
        answer = api.post(f"/v2/api-keys/{key.public_id}/rotate", body)
        assert answer.status_code == 200, answer.content
        return answer.json()

    return rotate


def works(token):
    status = ApiClient(token).get("/v2/budgets").status_code
    assert status in {200, 401}
    return status == 200


def test_both_secrets_work_until_the_overlap_ends(rotate, old, clock):
    body = rotate(overlap_seconds=60)

    new = body["token"]
    assert new.startswith(f"sk-orq-{body['id']}-")
    assert new != old
    assert body["previous_token_expires_at"] == "2026-03-15T12:01:00.000Z"
    assert (works(old), works(new)) == (True, True)
    clock.shift(59)
    assert (works(old), works(new)) == (True, True)
    clock.shift(1)
    assert (works(old), works(new)) == (False, True)


@pytest.mark.parametrize("body", [{}, {"overlap_seconds": 0}])
def test_without_an_overlap_the_old_secret_ends_at_once(rotate, old, clock, body):
    new = rotate(**body)["token"]

    assert (works(old), works(new)) == (False, True)


def test_it_stays_the_same_key(rotate, api):
    before = {each["name"]: each for each in api.get("/v2/api-keys").json()}["rotated"]

    rotate(overlap_seconds=60)

    [after] = api.get("/v2/api-keys", search="rotated").json()
    assert after | {"updated": before["updated"]} == before


def test_a_second_rotation_can_shorten_an_overlap_but_never_lengthen_it(
    rotate, old, clock
):
    second = rotate(overlap_seconds=60)["token"]
    third = rotate(overlap_seconds=600)["token"]

    clock.shift(60)
    assert [works(each) for each in (old, second, third)] == [False, True, True]
    fourth = rotate(overlap_seconds=10)["token"]
    clock.shift(10)
    assert [works(each) for each in (second, third, fourth)] == [False, False, True]


def test_a_key_may_rotate_itself(workspace, clock):
    token = make_key(workspace)
    api = ApiClient(token)
    [own] = api.get("/v2/api-keys").json()

    new = api.post(f"/v2/api-keys/{own['id']}/rotate").json()["token"]

    assert (works(token), works(new)) == (False, True)


def test_an_overlap_does_not_outlive_the_key(api, workspace, clock):
    old = make_key(workspace, name="short", expires_at=utc("2026-03-15T12:00:30"))
    key = ApiKey.objects.get(name="short")

    new = api.post(f"/v2/api-keys/{key.public_id}/rotate", {"overlap_seconds": 60})

    clock.shift(30)
    assert (works(old), works(new.json()["token"])) == (False, False)


def test_a_given_token_becomes_one_of_ours(api, workspace):
    make_key(workspace, name="given", token="secret-of-mine")
    key = ApiKey.objects.get(name="given")

    body = api.post(f"/v2/api-keys/{key.public_id}/rotate").json()

    assert body["token_prefix"] == f"sk-orq-{key.public_id}"
    assert body["token"].startswith(f"sk-orq-{key.public_id}-")


@pytest.mark.parametrize(
    "value", [-1, 1.5, 2592001, "60", True, None, [], 10**400], ids=repr
)
def test_an_overlap_that_is_none_rotates_nothing(api, workspace, old, value):
    key = ApiKey.objects.get(name="rotated")

    answer = api.post(
        f"/v2/api-keys/{key.public_id}/rotate", {"overlap_seconds": value}
    )

    assert answer.status_code == 400
    assert "overlap_seconds" in answer.json()["message"]
    assert ApiKeySecret.objects.filter(api_key=key).count() == 1


def test_a_misspelt_overlap_rotates_nothing(api, workspace, old):
    key = ApiKey.objects.get(name="rotated")

    answer = api.post(f"/v2/api-keys/{key.public_id}/rotate", {"overlap": 60})

    assert answer.status_code == 400
    assert ApiKeySecret.objects.filter(api_key=key).count() == 1


def test_a_revoked_key_gets_no_secret(api, workspace):
    key = make_api_key(workspace)
    api.patch(f"/v2/api-keys/{key.public_id}", {"status": "revoked"})

    answer = api.post(f"/v2/api-keys/{key.public_id}/rotate")

    assert answer.status_code == 400
    assert ApiKeySecret.objects.filter(api_key=key).count() == 1


def test_nobody_gets_the_secret_of_a_key_with_more_rights(workspace):
    access = {"api_keys": "write"}
    token = make_key(workspace, permission_mode="restricted", access=access)
    key = make_api_key(workspace)

    answer = ApiClient(token).post(f"/v2/api-keys/{key.public_id}/rotate")

    assert answer.status_code == 403
    assert ApiKeySecret.objects.filter(api_key=key).count() == 1
