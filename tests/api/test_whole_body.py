"""The body is complete before a thread of Django's is taken; lengths are made up."""

from __future__ import annotations

import pytest

from orqstudio.web.whole_body import WholeBody

MOST_BYTES = 10
DISCONNECT = {"type": "http.disconnect"}


def part(body: bytes, *, more: bool = False) -> dict:
    return {"type": "http.request", "body": body, "more_body": more}


async def call(messages: list[dict], headers: list[tuple[bytes, bytes]] | None = None):
    """Return what the inner application saw: headers, first message, the next one."""
    seen = []

    async def application(scope, receive, send):
        seen.append((dict(scope["headers"]), await receive(), await receive()))

    async def receive():
        return messages.pop(0)

    scope = {"type": "http", "headers": headers or [(b"content-length", b"6")]}
    await WholeBody(application, MOST_BYTES)(scope, receive, None)
    return seen[0] if seen else None


async def test_the_parts_arrive_as_one_and_then_the_client_leaves():
    headers, first, second = await call(
        [part(b"abc", more=True), part(b"", more=True), part(b"def"), DISCONNECT]
    )

    assert first["body"] == b"abcdef"
    assert not first.get("more_body")
    assert second == DISCONNECT
    assert headers == {b"content-length": b"6"}


async def test_a_request_without_a_body_is_passed_on():
    _, first, _ = await call([part(b""), DISCONNECT])

    assert first["body"] == b""


async def test_a_chunked_body_gets_its_length():
    headers, first, _ = await call(
        [part(b"abc", more=True), part(b"d"), DISCONNECT],
        [(b"transfer-encoding", b"chunked"), (b"host", b"x")],
    )

    assert headers == {b"host": b"x", b"content-length": b"4"}
    assert first["body"] == b"abcd"


@pytest.mark.parametrize("messages", [[], [part(b"abc", more=True)]])
async def test_a_client_that_leaves_early_calls_nobody(messages):
    assert await call([*messages, DISCONNECT]) is None


async def test_reading_stops_once_the_body_is_longer_than_it_may_be():
    unread = part(b"never read", more=True)
    messages = [part(b"12345678", more=True), part(b"9012", more=True), unread]

    _, first, second = await call(messages)

    assert len(first["body"]) > MOST_BYTES
    assert second is unread
