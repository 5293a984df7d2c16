"""GET /v2/api-keys/capabilities: what a key can be given rights to."""

from __future__ import annotations

import pytest

from identities.rights import Resource

AGENT = "speakeasy-sdk/{} {} 2.950.13 2.0 orq-ai-sdk"


def test_every_resource_is_there_with_all_its_facts(api):
    [identities, *others] = api.get("/v2/api-keys/capabilities").json()["domains"]

    assert identities == {
        "id": "identities",
        "display_name": "Identities",
        "group": "DOMAIN_GROUP_WORKSPACE_ADMIN",
        "allowed_scopes": ["SCOPE_MODE_ALL", "SCOPE_MODE_SINGLE"],
        "readable": True,
        "writable": True,
        "extra_write_verbs": [],
    }
    assert {"identities", *(each["id"] for each in others)} == set(Resource)


def test_what_is_listed_can_be_granted(api):
    domains = api.get("/v2/api-keys/capabilities").json()["domains"]
    access = {each["id"]: "write" for each in domains}

    body = {"name": "new", "permission_mode": "restricted", "access": access}

    assert api.post("/v2/api-keys", body).json()["access"] == access


@pytest.mark.parametrize("language", ["python", "typescript"])
@pytest.mark.parametrize(
    ("version", "group", "scopes"),
    [
        ("4.10.36", 1, [1, 2]),
        ("4.13.22", 1, [1, 2]),
        (
            "4.14.16",
            "DOMAIN_GROUP_WORKSPACE_ADMIN",
            ["SCOPE_MODE_ALL", "SCOPE_MODE_SINGLE"],
        ),
    ],
)
def test_older_clients_read_enums_as_numbers(api, language, version, group, scopes):
    answer = api.http.get(
        "/v2/api-keys/capabilities",
        headers={"User-Agent": AGENT.format(language, version)},
    )

    [first, *_] = answer.json()["domains"]
    assert (first["group"], first["allowed_scopes"]) == (group, scopes)
