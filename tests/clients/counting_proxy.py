"""A proxy between a client and the server that writes down every request it passes on.

It is how the tests know that a refusal was asked for once, whatever a client says.
"""

from __future__ import annotations

import http.client
import threading
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

_PATIENCE_S = 60
_PER_HOP = {"connection", "content-length", "transfer-encoding", "date", "server"}


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request that was passed on, and the status that came back."""

    method: str
    path: str
    status: int


class CountingProxy:
    """A context: `.url` while it runs, `.exchanges` in their order."""

    def __init__(self, port: int) -> None:
        self.exchanges: list[Exchange] = []
        handler = partial(_Handler, port, self.exchanges)
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))

    @property
    def url(self) -> str:
        """The address without a trailing slash."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def statuses(self, path: str) -> list[int]:
        """Return the statuses of all requests to a path."""
        return [each.status for each in self.exchanges if each.path == path]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, port: int, exchanges: list[Exchange], *request: Any) -> None:
        self.port = port
        self.exchanges = exchanges
        super().__init__(*request)  # handles the request before it returns

    def pass_on(self) -> None:
        """Send the request on, write it down, send the answer back."""
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length) if length else None
        server = http.client.HTTPConnection("127.0.0.1", self.port, _PATIENCE_S)
        with closing(server):
            server.request(self.command, self.path, body, dict(self.headers))
            answer = server.getresponse()
            content = answer.read()
        self.exchanges.append(Exchange(self.command, self.path, answer.status))
        self._send_back(answer, content)

    do_GET = do_POST = do_PATCH = do_DELETE = pass_on  # noqa: N815

    def _send_back(self, answer: http.client.HTTPResponse, content: bytes) -> None:
        self.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in _PER_HOP:
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Say nothing: the exchanges are the log."""
