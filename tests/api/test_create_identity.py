"""POST /v2/identities."""

from __future__ import annotations

import json
import threading

import pytest
from django.db import connection

from identities.models import Identity
from metering.models import Budget
from tests.api_client import ApiClient
from tests.make import make_budget, make_event, make_identity, make_key, make_workspace

FULL = {
    "external_id": "user_12345",
    "display_name": "Jane",
    "email": "j@example.com",
    "avatar_url": "https://e.com/a.jpg",
    "tags": ["premium"],
    "metadata": {"role": "x"},
}


def test_the_answer_is_201_with_a_location_and_both_shapes(api, workspace):
    answer = api.post("/v2/identities", FULL)

    body = answer.json()
    nested = body.pop("identity")
    assert answer.status_code == 201
    assert answer["Location"] == f"/v2/identities/{body['_id']}"
    assert answer["Content-Type"] == "application/json"
    assert body == nested
    assert {name: body[name] for name in FULL} == FULL
    assert body["workspace_id"] == workspace.public_id
    assert len(body["_id"]) == 26
    assert body["created"] == body["updated"]
    assert len(body["created"]) == len("2026-02-25T08:32:31.153Z")
    assert body["created"].endswith("Z")


def test_what_was_not_given_is_left_out_rather_than_null(api):
    body = api.post("/v2/identities", {"external_id": "u"}).json()

    assert set(body) == {
        "_id",
        "external_id",
        "workspace_id",
        "tags",
        "metadata",
        "created",
        "updated",
        "identity",
    }


def test_null_and_empty_texts_count_as_not_given(api):
    body = api.post(
        "/v2/identities",
        {
            "external_id": "u",
            "display_name": None,
            "email": "",
            "avatar_url": None,
            "tags": None,
            "metadata": None,
        },
    ).json()

    assert not {"display_name", "email", "avatar_url"} & set(body)
    assert (body["tags"], body["metadata"]) == ([], {})


def test_an_external_id_that_exists_answers_409(api, workspace):
    make_identity(workspace, "user_12345")

    answer = api.post("/v2/identities", FULL)

    assert answer.status_code == 409
    assert answer.json()["code"] == 6
    assert Identity.objects.get().display_name == ""


def test_another_workspace_may_have_the_same_external_id(api, charlies_api):
    assert charlies_api.post("/v2/identities", FULL).status_code == 201
    assert api.post("/v2/identities", FULL).status_code == 201


def test_a_budget_in_the_body_is_left_to_the_budget_resource(api):
    answer = api.post("/v2/identities", FULL | {"budget": {"amount": 5}, "new": 1})

    assert answer.status_code == 201
    assert "budget" not in answer.json()
    assert not Budget.objects.exists()


@pytest.mark.parametrize(
    "external_id", ["x" * 120, "é" * 120, "a/b c%d?e#f", "\U0001f980"]
)
def test_unusual_external_ids_are_kept_as_they_are(api, external_id):
    answer = api.post("/v2/identities", {"external_id": external_id})

    assert answer.status_code == 201
    assert answer.json()["external_id"] == external_id


def test_metadata_keeps_every_json_value(api):
    metadata = {"a": None, "b": [1, 2.5, True, {"c": "é"}], "": 10**30}

    body = api.post("/v2/identities", {"external_id": "u", "metadata": metadata}).json()

    assert body["metadata"] == metadata


def test_a_tag_given_twice_is_kept_once_in_the_order_given(api):
    tags = ["b", "a", "b"]

    body = api.post("/v2/identities", {"external_id": "u", "tags": tags}).json()

    assert body["tags"] == ["b", "a"]


@pytest.mark.parametrize("space", [" ", "\u00a0"])
def test_the_documentations_own_curl_line_works_as_it_stands(workspace, space):
    """Its e-mail address is hidden, its key ends with a colon, curl names a form."""
    token = make_key(workspace)
    client = ApiClient(f"{token}:").http
    body = json.dumps(
        {
            "external_id": "1234",
            "display_name": "Client A",
            "email": f"[email{space}protected]",
            "avatar_url": "https://gravatar.com/avatar/6c56?s=400&d=robohash&r=x",
            "metadata": {"role": "admin"},
        }
    )

    for content_type in ("application/json", "application/x-www-form-urlencoded"):
        Identity.objects.all().delete()
        answer = client.post("/v2/identities", body, content_type=content_type)
        assert answer.status_code == 201


def test_usage_and_budget_from_before_the_record_belong_to_it(api, workspace):
    make_event(workspace, "early", cost_usd="0.25")
    make_budget(workspace, "early")

    api.post("/v2/identities", {"external_id": "early"})
    query = {"include_metrics": "true", "include_budget": "true"}
    body = api.get("/v2/identities/early", **query).json()

    assert body["metrics"]["total_cost"] == 0.25
    assert body["budget"]["limits"]["amount"] == 10


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_many_creates_at_once_one_wins_and_the_others_answer_409():
    token = make_key(make_workspace("acme"))
    together = threading.Barrier(8)
    statuses = []

    def create():
        client = ApiClient(token)
        together.wait()
        try:
            statuses.append(client.post("/v2/identities", FULL).status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=create) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(statuses) == [201] + [409] * 7
    assert Identity.objects.count() == 1
