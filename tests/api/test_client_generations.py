"""What older official clients get: told by the User-Agent, nothing else."""

from __future__ import annotations

import pytest

from identities.client_generation import (
    expects_no_content,
    knows_provider_orq,
    loses_metadata,
    read_generation,
    reads_enum_numbers,
    requires_metrics,
    speaks_budgets_v1,
    speaks_first_keys,
    upserts_contacts,
)
from tests.make import make_event, make_identity

PYTHON = "speakeasy-sdk/python {} 2.950.13 2.0 orq-ai-sdk"
NODE = "speakeasy-sdk/typescript {} 2.938.0 2.0 @orq-ai/node"


@pytest.mark.parametrize("pattern", [PYTHON, NODE])
@pytest.mark.parametrize(
    ("version", "no_content", "no_metadata"),
    [
        ("3.14.45", True, False),
        ("4.2.18", True, False),
        ("4.9.30", True, False),
        ("4.10.36", False, True),
        ("4.12.22", False, True),
        ("4.13.22", False, False),
        ("4.17.13", False, False),
        ("5.0.0", False, False),
    ],
)
def test_the_version_decides(pattern, version, no_content, no_metadata):
    user_agent = pattern.format(version)

    assert expects_no_content(user_agent) is no_content
    assert requires_metrics(user_agent) is no_content
    assert loses_metadata(user_agent) is no_metadata


@pytest.mark.parametrize(
    "user_agent", ["", "curl/8.5.0", "my speakeasy-sdk/python 4.2."]
)
def test_everybody_else_is_current(user_agent):
    assert read_generation(user_agent) is None
    assert not expects_no_content(user_agent)
    assert not requires_metrics(user_agent)
    assert not loses_metadata(user_agent)
    assert not speaks_budgets_v1(user_agent)
    assert not upserts_contacts(user_agent)
    assert knows_provider_orq(user_agent)


@pytest.mark.parametrize("pattern", [PYTHON, NODE])
@pytest.mark.parametrize(
    ("version", "v1", "upserts", "orq"),
    [
        ("3.14.45", True, False, False),
        ("4.0.7", True, False, False),
        ("4.1.15", False, False, False),
        ("4.2.18", False, True, False),
        ("4.9.30", False, True, False),
        ("4.10.36", False, False, True),
        ("4.17.13", False, False, True),
    ],
)
def test_the_version_decides_on_contacts_old_budgets_and_providers(
    pattern, version, v1, upserts, orq
):
    user_agent = pattern.format(version)

    assert speaks_budgets_v1(user_agent) is v1
    assert upserts_contacts(user_agent) is upserts
    assert knows_provider_orq(user_agent) is orq


def test_a_delete_by_an_old_client_answers_204_without_a_body(api, workspace):
    make_identity(workspace, "jane")

    answer = api.http.delete(
        "/v2/identities/jane", headers={"User-Agent": PYTHON.format("4.9.30")}
    )

    assert (answer.status_code, answer.content) == (204, b"")


def test_list_items_for_an_old_client_always_carry_real_metrics(api, workspace):
    make_identity(workspace, "jane")
    make_event(workspace, "jane", cost_usd="0.5")

    answer = api.http.get(
        "/v2/identities?limit=10&include_metrics=false",
        headers={"User-Agent": NODE.format("4.9.4")},
    )

    [item] = answer.json()["data"]
    assert item["metrics"]["total_cost"] == 0.5


def test_empty_metadata_of_a_client_that_always_sends_it_changes_nothing(
    api, workspace
):
    make_identity(workspace, "jane", metadata={"role": "admin"})

    answer = api.http.patch(
        "/v2/identities/jane",
        {"display_name": "Jane", "metadata": {}},
        content_type="application/json",
        headers={"User-Agent": PYTHON.format("4.11.10")},
    )

    assert answer.json()["metadata"] == {"role": "admin"}
    assert answer.json()["display_name"] == "Jane"


@pytest.mark.parametrize("pattern", [PYTHON, NODE])
@pytest.mark.parametrize(
    ("version", "first_keys", "numbers"),
    [
        ("4.9.30", False, True),
        ("4.10.36", True, True),
        ("4.12.22", True, True),
        ("4.13.22", False, True),
        ("4.14.16", False, False),
        ("4.17.13", False, False),
    ],
)
def test_keys_changed_their_form_twice(pattern, version, first_keys, numbers):
    user_agent = pattern.format(version)

    assert speaks_first_keys(user_agent) is first_keys
    assert reads_enum_numbers(user_agent) is numbers
    assert not speaks_first_keys("curl/8.5.0")
    assert not reads_enum_numbers("curl/8.5.0")
