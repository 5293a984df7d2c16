"""One error shape for every error of every operation; contract 12.2."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection
from django.test import Client

from identities.models import ApiKey
from tests.api.operations import (
    ON_ONE,
    OPERATIONS,
    WITH_BODY,
    named,
    references_in,
    send,
)
from tests.api_client import ApiClient
from tests.make import make_key, utc

every_operation = pytest.mark.parametrize("operation", OPERATIONS, ids=named)
every_operation_on_one = pytest.mark.parametrize("operation", ON_ONE, ids=named)
every_operation_with_body = pytest.mark.parametrize("operation", WITH_BODY, ids=named)


def assert_envelope(answer, status: int, code: int | None) -> dict:
    """Status, content type, and the keys that every generation of clients parses."""
    body = answer.json()
    assert answer.status_code == status, body
    assert answer["Content-Type"] == "application/json"
    assert isinstance(body["message"], str)
    assert body["message"]
    assert body["error"] == body["message"]
    assert body["request_id"] == answer["X-Request-Id"]
    assert body.get("code") == code
    assert set(body) == {"message", "error", "request_id"} | (
        {"code"} if code else set()
    )
    return body


@every_operation
def test_without_a_key(anonymous_api, db, operation):
    answer = send(anonymous_api, operation)

    assert_envelope(answer, 401, 16)
    assert answer["WWW-Authenticate"].startswith("Bearer")


@every_operation
def test_with_an_unknown_key(db, operation):
    body = assert_envelope(send(ApiClient("sk-orq-unknown"), operation), 401, 16)

    assert body["message"] == "API key is not valid for this workspace"


@pytest.mark.parametrize("field", ["revoked_at", "disabled_at", "expires_at"])
@every_operation
def test_with_a_key_that_was_stopped_or_has_expired(api, operation, field):
    ApiKey.objects.update(**{field: utc("2026-01-01T00:00")})

    body = assert_envelope(send(api, operation), 401, 16)

    assert body["message"] == "API key is not valid for this workspace"


@pytest.mark.parametrize("bound", ["bound_external_id", "bound_prefix"])
@every_operation
def test_with_a_key_that_is_bound(workspace, operation, bound):
    """Whoever a budget binds must not lift it, nor read everybody's profile."""
    api = ApiClient(make_key(workspace, **{bound: "user_1"}))

    body = assert_envelope(send(api, operation), 403, 7)

    assert body["message"] == "not authorized for this endpoint"


@every_operation_on_one
def test_with_an_unknown_reference(api, operation):
    assert_envelope(send(api, operation), 404, 5)


@every_operation
def test_with_a_trailing_slash(api, operation):
    slashed = operation._replace(path=f"{operation.path}/")

    assert_envelope(send(api, slashed), 404, 5)


@every_operation_with_body
@pytest.mark.parametrize("raw", ["{", "[]", "null", '"text"', "1", "\xff", "{'a': 1}"])
def test_with_a_body_that_is_no_json_object(api, workspace, operation, raw):
    found = references_in(workspace)

    assert_envelope(send(api, operation, raw.encode("latin-1"), **found), 400, 3)


@every_operation_with_body
def test_with_a_body_that_is_too_large(api, workspace, operation):
    raw = '{"display_name": "' + "x" * (2 * 2**20) + '"}'

    assert_envelope(send(api, operation, raw, **references_in(workspace)), 413, 3)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("put", "/v2/identities", {"GET", "HEAD", "POST"}),
        ("patch", "/v2/identities", {"GET", "HEAD", "POST"}),
        ("post", "/v2/identities/x", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("put", "/v2/budgets/x", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("delete", "/v2/budgets", {"GET", "HEAD", "POST"}),
        ("get", "/v2/budgets/x/reset-consumption", {"POST"}),
        ("get", "/v2/reporting", {"POST"}),
        ("put", "/v2/api-keys", {"GET", "HEAD", "POST"}),
        ("post", "/v2/api-keys/x", {"GET", "HEAD", "PATCH", "DELETE"}),
        ("get", "/v2/api-keys/x/rotate", {"POST"}),
        ("post", "/v2/api-keys/capabilities", {"GET", "HEAD"}),
    ],
)
def test_with_a_method_that_is_not_there(api, method, path, allowed):
    answer = getattr(api, method)(path)

    assert_envelope(answer, 405, 12)
    assert set(answer["Allow"].split(", ")) == allowed


def test_with_the_method_options(api):
    assert_envelope(api.http.options("/v2/identities"), 405, 12)


@pytest.mark.parametrize("path", ["/v2/", "/v2/nothing", "/v2/budgets/a/b/c"])
def test_at_an_address_that_is_none(anonymous_api, db, path):
    assert_envelope(anonymous_api.get(path), 404, 5)


def test_for_a_host_that_is_not_ours(db):
    answer = Client(headers={"Host": "evil.example"}).get("/v2/identities")

    assert_envelope(answer, 400, 3)


@pytest.mark.parametrize(
    "headers",
    [
        {"Accept": "text/html"},
        {"Accept": "application/xml"},
        {"Accept": "nonsense"},
        {"Content-Type": "text/plain"},
    ],
)
def test_no_header_asks_for_anything_but_json(api, headers):
    assert_envelope(api.http.get("/v2/identities/nobody", headers=headers), 404, 5)


def test_a_format_in_the_query_asks_for_nothing(api):
    assert api.get("/v2/identities", format="api").status_code == 200


@every_operation
def test_a_database_that_is_away_answers_503_without_an_integer_code(api, operation):
    def refuse(*_):
        raise OperationalError

    with connection.execute_wrapper(refuse):
        answer = send(api, operation)

    assert_envelope(answer, 503, None)
    assert answer["Retry-After"] == "1"


def test_several_wrong_fields_are_all_named(api):
    body = {"external_id": "", "email": 1, "tags": ["", 2]}

    message = api.post("/v2/identities", body).json()["message"]

    assert "external_id: " in message
    assert "email: " in message
    assert "tags" in message
