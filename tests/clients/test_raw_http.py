"""Requests that no client library would send: each gets the envelope, none a 5xx."""

from __future__ import annotations

import pytest

from tests.clients.raw_http import assert_envelope, send, send_bytes

pytestmark = pytest.mark.slow

UNREADABLE = {
    "a query outside ASCII": "GET /v2/identities?search=é HTTP/1.1\r\nHost: x\r\n\r\n",
    "a path outside ASCII": "GET /v2/identities/é HTTP/1.1\r\nHost: x\r\n\r\n",
    "a space in the path": "GET /v2/identities/a b HTTP/1.1\r\nHost: x\r\n\r\n",
    "an unknown method": "FOO /v2/identities HTTP/1.1\r\nHost: x\r\n\r\n",
    "a header without a colon": "GET /v2/identities HTTP/1.1\r\nnonsense\r\n\r\n",
    "a NUL in a header": "GET /v2/identities HTTP/1.1\r\nX: a\x00b\r\n\r\n",
    "a length that is no number": (
        "POST /v2/identities HTTP/1.1\r\nContent-Length: abc\r\n\r\n"
    ),
    "a negative length": "POST /v2/identities HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    "two lengths": (
        "POST /v2/identities HTTP/1.1\r\nContent-Length: 2\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
    ),
    "an address of 70,000 characters": (
        f"GET /v2/identities?search={'x' * 70_000} HTTP/1.1\r\nHost: x\r\n\r\n"
    ),
    "HTTP/2 from the start": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no HTTP at all": "\x16\x03\x01\x02\x00\x01\r\n\r\n",
}


@pytest.fixture
def ask(server, key):
    """Send one request with the key and return its answer."""

    def ask(method, target, body=b"", **headers):
        named = {"Authorization": f"Bearer {key}", **headers}
        return send(server.port, method, target, body, **named)

    return ask


@pytest.mark.parametrize("request_text", UNREADABLE.values(), ids=UNREADABLE)
def test_what_is_not_http_is_a_400(server, request_text):
    answer = send_bytes(server.port, request_text.encode())

    body = assert_envelope(answer, 400, 3)
    assert "percent-encoded" in body["message"]


@pytest.mark.parametrize("path", ["%zz", "%", "%ff", "a%00b", "%E9", "%2e%2e%2f"])
def test_malformed_escapes_in_an_id_are_an_unknown_id(ask, path):
    assert_envelope(ask("GET", f"/v2/identities/{path}"), 404, 5)
    assert_envelope(ask("DELETE", f"/v2/contacts/{path}"), 404, 5)


@pytest.mark.parametrize(
    "path", ["/v2", "/v2/", "/v2/%00", "//v2/identities", "/v3/x", "/v2/%ff", "/v3"]
)
def test_an_unknown_address_is_a_404(ask, path):
    assert_envelope(ask("GET", path), 404, 5)


@pytest.mark.parametrize("path", ["/v2/router/x", "/v3/router/%00", "/v2/router/"])
def test_an_unknown_address_of_the_router_is_a_404_in_its_own_form(ask, path):
    body = assert_envelope(ask("POST", path, b"{}"), 404, 5)

    assert body["error"]["type"] == "not_found_error"


def test_odd_bytes_in_a_query_are_text_like_any_other(ask):
    assert ask("GET", "/v2/identities?search=%ff%zz").json()["data"] == []
    assert_envelope(ask("GET", "/v2/identities?search=%00"), 400, 3)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/xml",
        "multipart/form-data; boundary=x",
        "application/x-www-form-urlencoded",
        "application/json; charset=nonsense",
        ";;;",
        "",
    ],
)
@pytest.mark.parametrize(
    "path", ["/v2/identities", "/v2/contacts", "/v2/budgets", "/v2/deployments/invoke"]
)
def test_any_content_type_may_carry_json_and_nothing_else(ask, path, content_type):
    odd = {"Content_Type": content_type}

    read = ask("POST", path, b"{}", **odd).json()
    unread = ask("POST", path, b"<a/>", **odd)

    assert "JSON" not in read["message"]
    assert "JSON" in assert_envelope(unread, 400, 3)["message"]


@pytest.mark.parametrize(
    ("path", "size"),
    [("/v2/identities", 2 * 2**20 + 1), ("/v2/deployments/invoke", 20 * 2**20 + 1)],
)
def test_a_body_beyond_the_limit_is_a_413(ask, path, size):
    assert_envelope(ask("POST", path, b" " * size), 413, 3)


def test_a_foreign_host_is_refused_before_anything_is_read(server):
    answer = send(server.port, "GET", "/v2/identities", Host="evil.example")

    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json"


def test_keys_and_user_agents_outside_ascii_are_no_fault(server):
    for path in ("/v2/identities", "/v2/deployments/invoke"):
        answer = send(
            server.port, "POST", path, b"{}", Authorization="Bearer é", User_Agent="é"
        )
        assert_envelope(answer, 401, 16)


@pytest.mark.parametrize("path", ["/v2/identities", "/v2/identities/x", "/v2/budgets"])
def test_head_is_get_without_a_body(ask, path):
    got, head = ask("GET", path), ask("HEAD", path)

    assert head.body == b""
    assert head.status == got.status
    for name in ("Content-Type", "Content-Length", "Allow"):
        assert head.headers[name] == got.headers[name]


def test_a_page_for_people_is_html_when_it_is_not_there(server):
    answer = send(server.port, "GET", "/studio/nothing")

    assert answer.status == 404
    assert answer.headers["Content-Type"].startswith("text/html")
