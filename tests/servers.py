"""uvicorn on the test database, in processes of its own, with the knobs of a test."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.serving import PATIENCE_S, ROOT, free_port, wait_for

_OURS = ("ORQSTUDIO_", "OPENAI_", "DATABASE_", "DJANGO_")


@dataclass
class AppServer:
    """`orqstudio.asgi` without bootstrap: the tests make the rows."""

    database: str
    data_dir: Path
    variables: dict[str, str] = field(default_factory=dict)
    workers: int = 1
    arguments: tuple[str, ...] = ()
    port: int = field(default_factory=free_port)

    def start(self) -> AppServer:
        """Start it and wait until it is ready; may be called again after its end."""
        (self.data_dir / "static").mkdir(parents=True, exist_ok=True)
        command = [
            *(sys.executable, "-m", "uvicorn", "orqstudio.asgi:application"),
            *("--port", str(self.port), "--workers", str(self.workers)),
            *("--log-level", "warning", "--no-access-log"),
            *("--loop", "uvloop", "--http", "httptools"),
            *("--timeout-graceful-shutdown", "30"),
            *self.arguments,
        ]
        with self.output_file.open("a") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self._environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        wait_for(lambda: self._is_ready() or self.process.poll() is not None, "ready")
        assert self.process.poll() is None, self.output
        return self

    @property
    def output_file(self) -> Path:
        """Where its log goes."""
        return self.data_dir / f"uvicorn-{self.port}.out"

    @property
    def output(self) -> str:
        """Everything logged so far."""
        return self.output_file.read_text()

    @property
    def worker_pids(self) -> set[int]:
        """The processes below the first one."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children")
        return {int(number) for number in children.read_text().split()}

    def kill(self) -> None:
        """Kill -9 of every process, workers included."""
        self._signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)
        wait_for(lambda: not self._listens(), "the port is closed")

    def stop(self) -> int:
        """SIGTERM to the first process, as an operator does; its exit code."""
        self.process.terminate()
        try:
            return self.process.wait(PATIENCE_S)
        finally:
            self._signal(signal.SIGKILL)

    def _environment(self) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(_OURS)}
        return {
            **kept,
            "DATABASE_URL": self.database,
            "ORQSTUDIO_DATA_DIR": str(self.data_dir),
            **self.variables,
        }

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _is_ready(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, PATIENCE_S)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", "/readyz")
            return connection.getresponse().status == 200
        return False
