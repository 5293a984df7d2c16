"""HTTP without a client library: what no library would send, and every byte of it."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass
from email.message import Message
from email.parser import BytesHeaderParser
from typing import Any

_PATIENCE_S = 60


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """Status, headers and body as they came; the connection was closed after them."""

    status: int
    headers: Message
    body: bytes

    def json(self) -> Any:
        """Return the body's value, which must say that it is JSON."""
        assert self.headers["Content-Type"] == "application/json", self.headers
        return json.loads(self.body)


def send_bytes(port: int, request: bytes) -> RawAnswer:
    """Send the bytes; read until the server closes."""
    with socket.create_connection(("127.0.0.1", port), _PATIENCE_S) as connection:
        connection.sendall(request)
        received = b"".join(iter(lambda: connection.recv(2**16), b""))
    head, _, body = received.partition(b"\r\n\r\n")
    status_line, _, headers = head.partition(b"\r\n")
    parsed = BytesHeaderParser().parsebytes(headers)
    return RawAnswer(int(status_line.split()[1]), parsed, body)


def send(
    port: int, method: str, target: str, body: bytes = b"", **headers: str
) -> RawAnswer:
    """Send one request; `headers` by their names with `_` for `-`."""
    named = {"Host": "localhost", "Connection": "close", **headers}
    if body:
        named["Content-Length"] = str(len(body))
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in named.items()]
    head = "\r\n".join([f"{method} {target} HTTP/1.1", *lines, "", ""])
    return send_bytes(port, head.encode() + body)


def assert_envelope(answer: RawAnswer, status: int, code: int) -> dict[str, Any]:
    """Check status and the keys that every client reads, in either room's form."""
    body = answer.json()
    assert (answer.status, body["code"]) == (status, code), body
    assert body["message"]
    error = body["error"]
    assert (error if isinstance(error, str) else error["message"]) == body["message"]
    return body
