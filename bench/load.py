"""The load: keep-alive connections that each send a chat call as soon as one is back.

`python -m bench.load --port N ...` runs in a process of its own, must cost far less
than what it measures, and prints one JSON line (see `Load.result`). What was sent is
always waited for, so that no call is counted by the server and not by us.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import random
import re
import resource
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import cast

import uvloop

from bench.upstream import MODEL

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant of the help desk."},
    {"role": "user", "content": "Summarise in two sentences what a budget is for."},
]
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
_END = b"\r\n\r\n"


def external_id(number: int) -> str:
    """Return the name of the nth identity of the benchmark."""
    return f"user_{number:04}"


def build_request(path: str, token: str, identity: str) -> bytes:
    """Return a whole chat completions request."""
    body = json.dumps(
        {"model": MODEL, "messages": MESSAGES, "max_tokens": 256, "temperature": 0.2}
    ).encode()
    head = (
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        f"Authorization: Bearer {token}",
        f"X-ORQ-IDENTITY-ID: {identity}",
        "Content-Type: application/json",
        "Accept: application/json",
        f"Content-Length: {len(body)}",
    )
    return "\r\n".join(head).encode() + _END + body


class Load:
    """All connections of one run and what they saw."""

    def __init__(self, requests: Sequence[bytes], seconds: float) -> None:
        self._requests: Iterator[bytes] = itertools.cycle(requests)
        self._seconds = seconds
        self._ends_s = 0.0
        self.latencies_s: list[float] = []
        self.statuses: Counter[str] = Counter()

    async def run(self, port: int, connections: int) -> None:
        """Connect all, then start the clock; return when the last answer is in."""
        loop = asyncio.get_running_loop()
        made = []
        for _ in range(connections):
            _, protocol = await loop.create_connection(
                lambda: Connection(self), "127.0.0.1", port
            )
            made.append(protocol)
        self._begun_s = time.perf_counter()
        self._ends_s = self._begun_s + self._seconds
        for protocol in made:
            protocol.send()
        await asyncio.gather(*(protocol.done for protocol in made))
        self._took_s = time.perf_counter() - self._begun_s

    def next_request(self) -> bytes | None:
        """Return what to send, None when the time is over."""
        is_over = time.perf_counter() >= self._ends_s
        return None if is_over else next(self._requests)

    def result(self) -> dict[str, object]:
        """Return calls, calls/s, latencies in ms, answers by status, own CPU in µs."""
        latencies_ms = sorted(1000 * latency for latency in self.latencies_s)
        used = resource.getrusage(resource.RUSAGE_SELF)
        calls = len(latencies_ms)
        return {
            "calls": calls,
            "calls_per_s": calls / self._took_s,
            "p50_ms": latencies_ms[calls // 2] if calls else None,
            "p99_ms": latencies_ms[calls * 99 // 100] if calls else None,
            "statuses": dict(self.statuses),
            "load_cpu_us": 1e6 * (used.ru_utime + used.ru_stime) / max(calls, 1),
        }


class Connection(asyncio.Protocol):
    """One connection with at most one call under way."""

    def __init__(self, load: Load) -> None:
        self._load = load
        self._received = b""
        self._sent_s = 0.0
        self._transport: asyncio.Transport
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self._transport = cast(asyncio.Transport, transport)

    def send(self) -> None:
        """Send the next call, or close when the time is over."""
        request = self._load.next_request()
        if request is None:
            self.done.set_result(None)
            self._transport.close()
            return
        self._sent_s = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """Count an answer that has arrived whole, and go on."""
        self._received = self._received + data if self._received else data
        end = self._received.find(_END)
        if end < 0:
            return
        length = _LENGTH.search(self._received, 0, end)
        size = end + len(_END) + (int(length[1]) if length else 0)
        if len(self._received) < size:
            return
        self._load.latencies_s.append(time.perf_counter() - self._sent_s)
        self._load.statuses[self._received[9:12].decode("ascii", "replace")] += 1
        self._received = b""
        self.send()

    def connection_lost(self, _error: Exception | None) -> None:
        """Count a connection that broke before its time."""
        if not self.done.done():
            self._load.statuses["broken"] += 1
            self.done.set_result(None)


def parse_arguments() -> argparse.Namespace:
    """Return the options of one run."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--path", default="/v2/router/chat/completions")
    parser.add_argument("--token", default="none")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--identities", type=int, default=1, help="1: one hot one")
    return parser.parse_args()


def main() -> None:
    """Run once and print the result."""
    options = parse_arguments()
    numbers = list(range(options.identities))
    random.shuffle(numbers)
    requests = [
        build_request(options.path, options.token, external_id(n)) for n in numbers
    ]
    load = Load(requests, options.seconds)
    uvloop.run(load.run(options.port, options.connections))
    sys.stdout.write(json.dumps(load.result()) + "\n")


if __name__ == "__main__":
    main()
