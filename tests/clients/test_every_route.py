"""A walk over every route of the API with every method, against the running server."""

from __future__ import annotations

import re

import pytest
from django.urls import get_resolver

from metering.gateway.app import OPERATIONS
from tests.clients.raw_http import assert_envelope, send

pytestmark = pytest.mark.slow

METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
]
CODES = {400: 3, 401: 16, 403: 7, 404: 5, 405: 12, 409: 6}


def find_routes() -> list[str]:
    """Return the path of every route of both rooms, `x` for each reference."""
    groups = [
        group for group in get_resolver().url_patterns if str(group.pattern) == "v2/"
    ]
    patterns = [
        f"/v2/{each.pattern}" for group in groups for each in group.url_patterns
    ]
    found = {re.sub(r"<[^>]+>", "x", pattern) for pattern in patterns}
    return sorted(found | set(OPERATIONS))


ROUTES = find_routes()


def check(answer, method: str) -> None:
    """An answer has a known status and one of the two forms; HEAD has no body."""
    assert answer.status in {200, 201, 204, *CODES}, answer
    if answer.status == 204 or method == "HEAD":
        assert answer.body == b""
        return
    body = answer.json()
    if answer.status in CODES:
        assert_envelope(answer, answer.status, CODES[answer.status])
    else:
        assert isinstance(body, dict | list)


def test_the_walk_knows_the_routes():
    assert {"/v2/identities/x", "/v2/contacts/x", "/v2/budgets"} <= set(ROUTES)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("path", ROUTES)
def test_a_route_and_a_method(server, key, path, method):
    named = {"Authorization": f"Bearer {key}"}

    answer = send(server.port, method, path, **named)
    with_body = send(server.port, method, path, b'{"limit": "x"}', **named)
    without_key = send(server.port, method, path)
    slashed = send(server.port, method, f"{path}/", **named)

    for each in (answer, with_body, without_key, slashed):
        check(each, method)
    assert without_key.status in {200, 401, 405}  # 200: what everybody may read
    assert slashed.status in {404, 405}
    allowed = answer.headers.get("Allow", "")
    if answer.status == 405:
        assert allowed
        assert method not in allowed.split(", ")
    elif allowed:
        assert method in allowed.split(", ")
