"""The trivial upstream: one fixed chat completion, at once, whatever is asked.

`python -m bench.upstream` prints its port and serves on the loopback until killed.
It has to cost next to nothing, so it is a bare protocol: headers are searched for
their end and for the body's length alone.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
from typing import cast

import uvloop

MODEL = "gpt-4o-mini"
INPUT_TOKENS, OUTPUT_TOKENS = 61, 42
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


def completion() -> bytes:
    """Return the body: a completion of about 700 bytes with its usage."""
    text = "A budget is a promise that somebody keeps on your behalf. " * 5
    message = {"role": "assistant", "content": text, "refusal": None}
    body = {
        "id": "chatcmpl-bench",
        "object": "chat.completion",
        "created": 1767225600,
        "model": MODEL,
        "choices": [
            {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
        ],
        "usage": {
            "prompt_tokens": INPUT_TOKENS,
            "completion_tokens": OUTPUT_TOKENS,
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
            "prompt_tokens_details": {"cached_tokens": 0},
            "completion_tokens_details": {"reasoning_tokens": 0},
        },
        "system_fingerprint": "fp_bench",
    }
    return json.dumps(body).encode()


def _response() -> bytes:
    body = completion()
    head = (
        "HTTP/1.1 200 OK",
        "content-type: application/json",
        f"content-length: {len(body)}",
    )
    return "\r\n".join(head).encode() + _END + body


class Connection(asyncio.Protocol):
    """One keep-alive connection."""

    response = _response()

    def __init__(self) -> None:
        self._received = b""
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Answer every request that has arrived whole."""
        self._received += data
        while (size := _request_size(self._received)) is not None:
            if len(self._received) < size:
                return
            self._received = self._received[size:]
            self._transport.write(self.response)


def _request_size(data: bytes) -> int | None:
    """Return the bytes of the first request, None while its head is incomplete."""
    end = data.find(_END)
    if end < 0:
        return None
    length = _LENGTH.search(data, 0, end)
    return end + len(_END) + (int(length[1]) if length else 0)


async def main() -> None:
    """Serve on a free port of the loopback."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Connection, "127.0.0.1", 0)
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main())
