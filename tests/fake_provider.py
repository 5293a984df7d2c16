"""A provider on the loopback whose behaviour is chosen by the model's name.

It speaks the OpenAI wire and remembers every request, so that tests can tell what
left the house. `hang` answers only when the test lets it.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

USAGE = {"prompt_tokens": 100, "completion_tokens": 50, "total_tokens": 150}
CACHED = {
    **USAGE,
    "prompt_tokens_details": {"cached_tokens": 40},
    "completion_tokens_details": {"reasoning_tokens": 20},
}
HUGE_TEXT = "x" * 3_000_000
FAULTS = {
    "401": ({"message": "Incorrect API key sk-leaked"}, {}),
    "403": ({"message": "Not allowed"}, {}),
    "400": ({"message": "temperature is too high"}, {}),
    "404": ({"message": "no such model"}, {}),
    "429": ({"message": "slow down"}, {"Retry-After": "7"}),
    "500": ({"message": "secret stack trace"}, {}),
    "529": ({"message": "overloaded"}, {}),
    "302": ({"message": "elsewhere"}, {"Location": "http://127.0.0.1:9/"}),
}


def completion(model: str, content: Any = "Hi.", **facts: Any) -> dict[str, Any]:
    """A chat completion as OpenAI words it, nulls included."""
    message = {"role": "assistant", "content": content, "refusal": None}
    choice = {"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}
    return {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_770_000_000,
        "model": f"{model}-2026-01-01",
        "system_fingerprint": None,
        "choices": [choice],
        "usage": USAGE,
        **facts,
    }


_TOOL_CALLS = [
    {
        "id": "call_1",
        "type": "function",
        "function": {"name": "f", "arguments": "{}"},
    }
]
_CALLS_A_TOOL = [
    {
        "index": 0,
        "message": {"role": "assistant", "content": None, "tool_calls": _TOOL_CALLS},
        "finish_reason": "tool_calls",
    }
]
ANSWERS = {
    "cached": {"usage": CACHED},
    "no-usage": {"usage": None},
    "zero-usage": {"usage": {"prompt_tokens": 0, "completion_tokens": 0}},
    "mad-usage": {"usage": {"prompt_tokens": 10**30, "completion_tokens": -1}},
    "text-usage": {"usage": {"prompt_tokens": "10", "completion_tokens": "5"}},
    "huge": {"content": HUGE_TEXT},
    "tools": {"choices": _CALLS_A_TOOL},
    "odd-choices": {"choices": [None, 7, {}, {"message": {"content": 5}}]},
    "half-surrogate": {"content": "\ud800", "usage": None},
}
RAW = {
    "not-json": b"<html>Bad gateway</html>",
    "no-choices": b'{"id": "x", "usage": {"prompt_tokens": 5}}',
    "a-list": b"[1, 2]",
    "deep": b"[" * 200_000,
    "empty": b"",
}


@dataclass
class Seen:
    """A request as the provider got it."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class FakeProvider:
    """The running server; `release` lets the calls of `hang` go on."""

    seen: list[Seen] = field(default_factory=list)
    release: threading.Event = field(default_factory=threading.Event)
    arrived: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        handler = type("Handler", (_Handler,), {"provider": self})
        self.server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    @property
    def url(self) -> str:
        """The base URL, as OPENAI_BASE_URL takes it."""
        return f"http://127.0.0.1:{self.server.server_port}/v1"

    def stop(self) -> None:
        """Let everything go and close the port."""
        self.release.set()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class _Handler(BaseHTTPRequestHandler):
    provider: FakeProvider
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.provider.seen.append(Seen(self.path, headers, body))
        self.provider.arrived.set()
        model = body["model"]
        if model == "hang":
            self.provider.release.wait(60)
        if model in FAULTS:
            error, extra = FAULTS[model]
            self._answer(int(model), json.dumps({"error": error}).encode(), extra)
        elif model in RAW:
            self._answer(200, RAW[model], {})
        elif model == "cut":
            self._cut()
        else:
            answer = completion(model, **ANSWERS.get(model, {}))
            self._answer(200, json.dumps(answer).encode(), {})

    def _answer(self, status: int, raw: bytes, headers: dict[str, str]) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(raw)))
            self.end_headers()
            self.wfile.write(raw)
        except ConnectionError:
            self.close_connection = True

    def _cut(self) -> None:
        """Promise more than is sent, then hang up."""
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()
        self.wfile.write(b'{"id":')
        self.close_connection = True

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""
