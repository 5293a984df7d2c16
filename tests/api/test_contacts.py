"""/v2/contacts: identities under their former name, for clients up to 4.9."""

from __future__ import annotations

import threading

import pytest
from django.db import connection

from identities.models import Identity
from tests.api.operations import OPERATIONS, named, send
from tests.api.test_client_generations import NODE, PYTHON
from tests.api_client import ApiClient
from tests.make import make_event, make_identity, make_key, make_workspace

ON_CONTACTS = [each for each in OPERATIONS if each.path.startswith("/v2/contacts")]
UPSERTING = [PYTHON.format("4.2.18"), PYTHON.format("4.9.30"), NODE.format("4.4.6")]
OTHERS = ["curl/8.5.0", PYTHON.format("3.14.45"), NODE.format("4.10.0")]
FULL = {
    "external_id": "jane",
    "display_name": "Jane",
    "email": "jane@example.com",
    "tags": ["premium"],
    "metadata": {"role": "x"},
}


def post(api, user_agent: str, **body):
    """POST a contact as one of the clients."""
    return api.http.post(
        "/v2/contacts",
        body,
        content_type="application/json",
        headers={"User-Agent": user_agent},
    )


@pytest.mark.parametrize("operation", ON_CONTACTS, ids=named)
@pytest.mark.parametrize("reference", ["jane", "nobody"])
def test_every_answer_names_its_successor(api, workspace, operation, reference):
    make_identity(workspace, "jane")

    answer = send(api, operation, identity=reference)

    path = operation.path.format(identity=reference).replace("contacts", "identities")
    assert answer["Deprecation"] == "@1768435200"
    assert answer["Link"] == f'<{path}>; rel="successor-version"'


def test_the_successor_of_an_odd_address_is_an_address(api, workspace):
    make_identity(workspace, "a/<b> 50%é")

    answer = api.get("/v2/contacts/a/%3Cb%3E%2050%25%C3%A9")

    assert answer.status_code == 200
    successor = "/v2/identities/a/%3Cb%3E%2050%25%C3%A9"
    assert answer["Link"] == f'<{successor}>; rel="successor-version"'
    assert api.get(successor).json() == answer.json()


def test_identities_are_not_deprecated(api):
    assert not {"Deprecation", "Link"} & set(api.get("/v2/identities").headers)


@pytest.mark.parametrize("user_agent", OTHERS)
def test_a_contact_is_created_or_refused(api, user_agent):
    created = post(api, user_agent, **FULL)
    again = post(api, user_agent, external_id="jane", display_name="Other")

    assert (created.status_code, again.status_code) == (201, 409)
    assert {name: created.json()[name] for name in FULL} == FULL
    assert created.json() == api.get("/v2/identities/jane").json()


@pytest.mark.parametrize("user_agent", UPSERTING)
def test_clients_of_the_upsert_create_and_then_update(api, workspace, user_agent):
    created = post(api, user_agent, **FULL)
    Identity.objects.update(source="call")
    updated = post(
        api, user_agent, external_id="jane", display_name="Jane Doe", email=None
    )

    assert (created.status_code, updated.status_code) == (200, 200)
    assert {name: created.json()[name] for name in FULL} == FULL
    body = updated.json()
    assert body["_id"] == created.json()["_id"]
    assert body["display_name"] == "Jane Doe"
    assert "email" not in body
    assert (body["tags"], body["metadata"]) == (FULL["tags"], FULL["metadata"])
    assert body["created"] == created.json()["created"]
    assert body == api.get("/v2/identities/jane").json()
    assert Identity.objects.get().source == "call"


def test_an_upsert_of_nothing_but_the_id_keeps_everything(api):
    post(api, UPSERTING[0], **FULL)

    body = post(api, UPSERTING[0], external_id="jane").json()

    assert {name: body[name] for name in FULL} == FULL


def test_an_upsert_never_touches_another_workspace(api, charlies_api):
    post(charlies_api, UPSERTING[0], **FULL)

    post(api, UPSERTING[0], external_id="jane", display_name="Ours")

    assert charlies_api.get("/v2/identities/jane").json()["display_name"] == "Jane"
    assert api.get("/v2/identities/jane").json()["display_name"] == "Ours"


@pytest.mark.parametrize("body", [{}, {"external_id": ""}, {**FULL, "email": "x"}])
def test_an_upsert_is_checked_as_a_creation_is(api, body):
    answer = post(api, UPSERTING[0], **body)

    assert answer.status_code == 400
    assert not Identity.objects.exists()


@pytest.mark.parametrize("user_agent", [*UPSERTING, *OTHERS])
def test_list_items_always_have_metrics(api, workspace, user_agent):
    make_identity(workspace, "jane")
    make_event(workspace, "jane", cost_usd="0.5")

    answer = api.http.get(
        "/v2/contacts?limit=10.0&include_metrics=false",
        headers={"User-Agent": user_agent},
    )

    [item] = answer.json()["data"]
    assert item["metrics"]["total_cost"] == 0.5


def test_the_list_is_filtered_and_paged_as_identities_are(api, workspace):
    for number in range(3):
        make_identity(workspace, f"u{number}", tags=["a"])
    make_identity(workspace, "other")

    first = api.get("/v2/contacts", limit="2.0", tags="['a']").json()
    rest = api.get(
        "/v2/contacts", tags="a", starting_after=first["data"][-1]["_id"]
    ).json()

    found = [item["external_id"] for item in first["data"] + rest["data"]]
    assert sorted(found) == ["u0", "u1", "u2"]
    assert (first["has_more"], rest["has_more"]) == (True, False)
    assert api.get("/v2/contacts", include_metrics="maybe").status_code == 400


@pytest.mark.parametrize("user_agent", [*UPSERTING, *OTHERS])
def test_a_delete_answers_204_whoever_asks(api, workspace, user_agent):
    make_identity(workspace, "jane")

    answer = api.http.delete("/v2/contacts/jane", headers={"User-Agent": user_agent})

    assert (answer.status_code, answer.content) == (204, b"")
    assert not Identity.objects.exists()


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_of_many_upserts_at_once_all_succeed_and_one_record_is_left():
    token = make_key(make_workspace("acme"))
    together = threading.Barrier(8)
    statuses = []

    def put(number):
        client = ApiClient(token)
        together.wait()
        try:
            answer = post(
                client, UPSERTING[0], external_id="jane", metadata={"n": number}
            )
            statuses.append(answer.status_code)
        finally:
            connection.close()

    threads = [threading.Thread(target=put, args=(each,)) for each in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert statuses == [200] * 8
    assert Identity.objects.get().metadata["n"] in range(8)
