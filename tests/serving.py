"""A real server in processes of its own, for tests that need the whole product.

`Installation` is a data directory and an environment; `serve()` starts `manage.py
serve` on it and waits until it is ready.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orqstudio.lib import embedded_postgres
from orqstudio.lib.postgres_directories import socket_dir

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60
"""How long anything may take before a test gives up; far beyond what it does."""


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(condition, what: str) -> Any:
    """Return what `condition` returns once it is true.

    Raises:
        AssertionError: it never was.
    """
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(what)


@dataclass
class Installation:
    """A data directory, and the variables its commands run with."""

    data_dir: Path
    variables: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The environment of a fresh machine: nothing of ours but what was asked."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("ORQSTUDIO_", "OPENAI_", "DATABASE_", "DJANGO_"))
        }
        return {**kept, "ORQSTUDIO_DATA_DIR": str(self.data_dir), **self.variables}

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of manage.py to its end."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )

    @contextmanager
    def serve(self, *arguments: str, port: int | None = None) -> Iterator[Server]:
        """A server that answers /readyz; stopped, gently then not, at the end."""
        port = port or free_port()
        server = Server(self, port, *arguments)
        try:
            server.wait_until_ready()
            yield server
        finally:
            server.stop()

    def remove(self) -> None:
        """Stop what still runs and delete everything."""
        if (self.data_dir / "postgres.control").exists():
            with contextlib.suppress(embedded_postgres.EmbeddedPostgresError):
                embedded_postgres.start(self.data_dir).stop()
        for directory in (self.data_dir, socket_dir(self.data_dir)):
            shutil.rmtree(directory, ignore_errors=True)


class Server:
    """One `manage.py serve`, a process group of its own."""

    def __init__(self, installation: Installation, port: int, *arguments: str) -> None:
        self.port = port
        self.output_file = installation.data_dir.with_name(f"serve-{port}.out")
        self.host = "127.0.0.1"
        if "--host" in arguments:
            self.host = arguments[arguments.index("--host") + 1]
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        with self.output_file.open("a") as output:
            self.process = subprocess.Popen(
                [*command, *arguments],
                cwd=ROOT,
                env=installation.environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def url(self) -> str:
        """The address without a trailing slash."""
        return f"http://{self.host}:{self.port}"

    @property
    def output(self) -> str:
        """Everything printed so far."""
        return self.output_file.read_text()

    def shown(self, label: str) -> str:
        """What the first start printed beside a label such as `API key`."""
        match = re.search(rf"^\s+{label}\s+(\S+)$", self.output, re.MULTILINE)
        assert match, self.output
        return match[1]

    def wait_until_ready(self) -> None:
        """Wait for /readyz, or fail with what was printed."""
        wait_for(lambda: self._is_ready() or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.output

    def request(
        self, method: str, path: str, body: Any = None, *, token: str | None = None
    ) -> tuple[int, Any]:
        """Return status and JSON of one call; `token` defaults to the printed key."""
        headers = {"Content-Type": "application/json"}
        headers["Authorization"] = f"Bearer {token or self.shown('API key')}"
        return self._exchange(method, path, body, headers)

    def call(self, external_id: str = "user_1", *, token: str | None = None):
        """Invoke deployment `demo` for an identity; status and JSON."""
        headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {token or self.shown('API key')}",
            "X-ORQ-IDENTITY-ID": external_id,
        }
        body = {"key": "demo", "context": {"environments": []}}
        return self._exchange("POST", "/v2/deployments/invoke", body, headers)

    def signal(self, number: int) -> None:
        """Signal the whole group, as a terminal does; workers included."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def terminate(self) -> int:
        """Send SIGTERM to the one process that was started; return its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)

    def kill(self) -> None:
        """Kill every process of the server at once, its database server too."""
        postmaster = self._postmaster_pid()
        self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        if postmaster:
            with contextlib.suppress(ProcessLookupError):
                os.kill(postmaster, signal.SIGKILL)

    def stop(self) -> None:
        """Stop what still runs."""
        if self.process.poll() is None:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.terminate()
        self.signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def _postmaster_pid(self) -> int | None:
        data_dir = self.output_file.parent / "var"
        pid_file = data_dir / "postgres" / "18" / "postmaster.pid"
        return int(pid_file.read_text().split()[0]) if pid_file.exists() else None

    def _is_ready(self) -> bool:
        try:
            return self._exchange("GET", "/readyz", None, {})[0] == 200
        except OSError:
            return False

    def _exchange(self, method, path, body, headers) -> tuple[int, Any]:
        connection = http.client.HTTPConnection(self.host, self.port, PATIENCE_S)
        with contextlib.closing(connection):
            data = None if body is None else json.dumps(body)
            connection.request(method, path, data, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or "null")
