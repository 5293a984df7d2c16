"""PATCH /v2/identities/{_id or external_id}."""

from __future__ import annotations

import pytest

from identities.models import Identity
from tests.make import make_identity


@pytest.fixture
def jane(workspace):
    return make_identity(
        workspace,
        "jane",
        display_name="Jane",
        email="jane@example.com",
        avatar_url="https://example.com/jane.png",
        tags=["a", "b"],
        metadata={"role": "admin", "team": "x"},
    )


def test_only_the_keys_that_are_there_change(api, jane):
    answer = api.patch("/v2/identities/jane", {"display_name": "Jane Doe"})

    body = answer.json()
    assert answer.status_code == 200
    assert body["identity"]["display_name"] == body["display_name"] == "Jane Doe"
    assert body["email"] == "jane@example.com"
    assert body["tags"] == ["a", "b"]
    assert body["metadata"] == {"role": "admin", "team": "x"}


def test_the_id_finds_it_as_well(api, jane):
    answer = api.patch(f"/v2/identities/{jane.public_id}", {"tags": ["z"]})

    assert answer.json()["tags"] == ["z"]


def test_metadata_is_replaced_whole(api, jane):
    body = api.patch("/v2/identities/jane", {"metadata": {"new": 1}}).json()

    assert body["metadata"] == {"new": 1}


@pytest.mark.parametrize("nothing", ["", None])
@pytest.mark.parametrize("name", ["display_name", "email", "avatar_url"])
def test_empty_and_null_both_clear_a_text(api, jane, name, nothing):
    body = api.patch("/v2/identities/jane", {name: nothing}).json()

    jane.refresh_from_db()
    assert name not in body
    assert getattr(jane, name) == ""


@pytest.mark.parametrize("nothing", [[], None])
def test_an_empty_list_and_null_both_clear_the_tags(api, jane, nothing):
    assert api.patch("/v2/identities/jane", {"tags": nothing}).json()["tags"] == []


@pytest.mark.parametrize("nothing", [{}, None])
def test_an_empty_object_and_null_both_clear_the_metadata(api, jane, nothing):
    body = api.patch("/v2/identities/jane", {"metadata": nothing}).json()

    assert body["metadata"] == {}


def test_updated_moves_and_created_stays(api, jane):
    Identity.objects.update(updated_at="2020-01-01T00:00:00Z")

    body = api.patch("/v2/identities/jane", {}).json()

    assert body["updated"] > "2020-01-01T00:00:00.000Z"
    assert body["created"] == api.get("/v2/identities/jane").json()["created"]


def test_a_whole_record_may_be_sent_back(api, jane):
    record = api.get("/v2/identities/jane").json()

    body = api.patch("/v2/identities/jane", record | {"display_name": "J"}).json()

    assert body["display_name"] == "J"


def test_another_external_id_is_refused_not_ignored(api, jane):
    answer = api.patch("/v2/identities/jane", {"external_id": "john"})

    assert answer.status_code == 400
    assert "external_id" in answer.json()["message"]
    assert Identity.objects.get().external_id == "jane"


def test_a_refused_body_changes_nothing(api, jane):
    answer = api.patch("/v2/identities/jane", {"display_name": "X", "email": "no"})

    jane.refresh_from_db()
    assert answer.status_code == 400
    assert jane.display_name == "Jane"
