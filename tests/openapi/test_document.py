"""The document is OpenAPI 3.1, and served to everybody."""

from __future__ import annotations

import json

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

from orqstudio import __version__
from orqstudio.openapi.document import make_document
from tests.documented import JSON, check_body, check_request, operations, resolve

PATH = "/v2/openapi.json"
NOT_SHOWN = {
    "Unavailable",
    "CallUnavailable",
    "Provider409",
    "Provider415",
    "Provider422",
    "ProviderTimeout",
}
"""Errors that need a database or a provider to fail in a way of its own."""


def test_the_document_is_openapi_3_1():
    errors = [
        str(each) for each in OpenAPIV31SpecValidator(make_document()).iter_errors()
    ]

    assert errors == []
    assert make_document()["info"]["version"] == __version__


def test_every_schema_is_one():
    for name, schema in make_document()["components"]["schemas"].items():
        Draft202012Validator.check_schema(schema)
        assert "type" in schema or "anyOf" in schema, name


def test_everybody_may_read_it(anonymous_api, db):
    answer = anonymous_api.get(PATH)

    assert answer.status_code == 200
    assert answer["Content-Type"] == JSON
    assert answer["Cache-Control"] == "public, max-age=300"
    assert json.loads(answer.content) == make_document()


def test_reading_it_asks_the_database_nothing(client, django_assert_num_queries, db):
    with django_assert_num_queries(0):
        client.get(PATH)


def test_whoever_has_it_is_told_so(client, db):
    etag = client.get(PATH)["ETag"]

    again = client.get(PATH, headers={"If-None-Match": etag})
    other = client.get(PATH, headers={"If-None-Match": '"other"'})

    assert (again.status_code, again.content) == (304, b"")
    assert other.status_code == 200


@pytest.mark.parametrize("method", ["post", "put", "delete", "options"])
def test_nobody_can_write_it(client, db, method):
    answer = getattr(client, method)(PATH)

    assert answer.status_code == 405
    assert answer.json()["code"] == 12
    assert answer["Allow"] == "GET, HEAD"


def test_all_but_what_is_open_needs_a_key():
    document = make_document()
    is_open = {each.id for each in operations() if each.facts.get("security") == []}

    assert document["security"] == [{"bearer": []}]
    assert is_open == {"check_health", "check_readiness", "get_openapi_document"}


@pytest.mark.parametrize("operation", operations(), ids=lambda each: each.id)
def test_examples_are_valid(operation):
    """Every operation shows a request, where it has a body, and a good answer."""
    if operation.id == "get_openapi_document":
        return  # it would hold itself
    body = operation.facts.get("requestBody")
    if body:
        check_request(operation, body["content"][JSON]["example"])
    bodies = {
        status: content
        for status, described in operation.facts["responses"].items()
        if (content := resolve(described).get("content", {}).get(JSON))
    }
    shown = {status for status, each in bodies.items() if "example" in each}
    for status in shown:
        check_body(bodies[status]["schema"], bodies[status]["example"])
    good = {status: each for status, each in bodies.items() if status < "300"}
    is_said = all(each["schema"].get("maxProperties") == 0 for each in good.values())
    assert is_said or shown & set(good)


def test_errors_are_shown_too():
    for name, described in make_document()["components"]["responses"].items():
        content = described["content"][JSON]
        if "example" in content:
            check_body(content["schema"], content["example"])
        else:
            assert name in NOT_SHOWN
