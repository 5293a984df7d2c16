"""ASGI in front of a synchronous application: the body is here before it is called.

A client that sends its body slowly then waits on its own, instead of keeping one of
the few threads; and a chunked body gets the length that WSGI cannot do without.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send


class WholeBody:
    """Calls `application` with the whole body; of a longer one with the beginning.

    The beginning is one byte more than `most_bytes` at least, so that the application
    sees that there is too much and refuses it in its own words.
    """

    def __init__(self, application: ASGIApp, most_bytes: int) -> None:
        self._application = application
        self._most_bytes = most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; a client that leaves before its body's end gets none."""
        body = await self._read(receive)
        if body is None:
            return
        waiting: list[Message] = [{"type": "http.request", "body": body}]

        async def receive_again() -> Message:
            return waiting.pop() if waiting else await receive()

        await self._application(_with_length(scope, body), receive_again, send)

    async def _read(self, receive: Receive) -> bytes | None:
        body = bytearray()
        while len(body) <= self._most_bytes:
            message = await receive()
            if message["type"] != "http.request":
                return None
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        return bytes(body)


def _with_length(scope: Scope, body: bytes) -> Scope:
    """Return the scope of a chunked request with a length in its place."""
    headers = [pair for pair in scope["headers"] if pair[0] != b"transfer-encoding"]
    if len(headers) == len(scope["headers"]):
        return scope
    length = (b"content-length", str(len(body)).encode())
    return {**scope, "headers": [*headers, length]}
