"""GET /v2/api-keys/{id}: everything but the secret."""

from __future__ import annotations

import pytest

from orqstudio.lib import ids
from tests.make import make_api_key, make_key


def test_a_key_comes_without_its_secret(api, workspace):
    key = make_api_key(workspace, name="Backend")

    body = api.get(f"/v2/api-keys/{key.public_id}").json()

    assert (body["id"], body["name"]) == (key.public_id, "Backend")
    assert body["token"] == body["token_prefix"] == f"sk-orq-{key.public_id}"
    assert body["api_key"]["api_key_id"] == key.public_id


def test_a_key_that_was_given_shows_next_to_nothing_of_itself(api, workspace):
    make_key(workspace, name="given", token="secret-of-mine")

    [listed] = api.get("/v2/api-keys", search="given").json()
    one = api.get(f"/v2/api-keys/{listed['id']}").json()

    assert one["token"] == "sec"
    assert listed["token"] == "sec********"


def test_the_last_use_shows_once_there_was_one(api, workspace, clock):
    key = make_api_key(workspace, name="unused")

    unused = api.get(f"/v2/api-keys/{key.public_id}").json()
    [own] = api.get("/v2/api-keys", search="test").json()

    assert "last_used_at" not in unused
    assert "last_used_at" not in unused["api_key"]
    assert own["last_used_at"] == "2026-03-15T12:00:00.000Z"


@pytest.mark.parametrize("ref", ["x", "0" * 26, "sk-orq-x", "%00", "é" * 26])
def test_what_is_no_key_is_a_404(api, ref):
    assert api.get(f"/v2/api-keys/{ref}").status_code == 404


def test_an_id_is_read_in_either_case(api, workspace):
    key = make_api_key(workspace)

    lower = ids.show(key.pk).lower()

    assert api.get(f"/v2/api-keys/{lower}").json()["id"] == key.public_id
