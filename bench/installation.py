"""The product as it is shipped, on a throw-away data directory, with its upstream.

`manage.py serve` starts everything, the embedded PostgreSQL included, with its
ordinary durable settings (fsync and synchronous_commit on).
"""

from __future__ import annotations

import http.client
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from bench.load import external_id

ROOT = Path(__file__).resolve().parent.parent
TOKEN = "sk-orq-bench-0123456789abcdef0123456789abcdef"
IDENTITIES = 1000
BUDGET_USD = Decimal(1_000_000)
PATIENCE_S = 60
STOP_S = 40


@dataclass(frozen=True, slots=True)
class Installation:
    """What runs: ports and the roots of the process trees."""

    data_dir: Path
    port: int
    server_pid: int
    upstream_port: int

    @property
    def postmaster_pid(self) -> int:
        """The first process of the database."""
        file = self.data_dir / "postgres" / "18" / "postmaster.pid"
        return int(file.read_text("ascii").split()[0])


@contextmanager
def run_installation(workers: int) -> Iterator[Installation]:
    """Start everything on an empty directory; at the end stop and delete it."""
    from orqstudio.lib.postgres_directories import socket_dir

    data_dir = Path(tempfile.mkdtemp(prefix="orqstudio-bench-")).resolve()
    try:
        with _running_upstream() as upstream_port:
            _set_environment(data_dir, upstream_port)
            with _serving(workers, data_dir) as (process, port):
                yield Installation(data_dir, port, process.pid, upstream_port)
    finally:
        for directory in (data_dir, socket_dir(data_dir)):
            shutil.rmtree(directory, ignore_errors=True)


def fill() -> None:
    """Create the identities, each with a monthly budget far from its limit."""
    import django

    django.setup()
    from django.utils import timezone

    from identities.models import Identity, Workspace
    from identities.services import create_identity
    from metering.services import create_budget

    workspace = Workspace.objects.get(slug="default")
    for number in range(IDENTITIES):
        name = external_id(number)
        create_identity(
            workspace=workspace, external_id=name, source=Identity.Source.API
        )
        create_budget(
            workspace=workspace,
            scope_kind="identity",
            scope_target=name,
            period="monthly",
            amount_usd=BUDGET_USD,
            token_limit=None,
            now=timezone.now(),
        )


def _set_environment(data_dir: Path, upstream_port: int) -> None:
    """Set what the server and our own Django read; the developer's own is dropped."""
    for name in list(os.environ):
        if name.startswith(("ORQSTUDIO_", "OPENAI_", "DATABASE_", "DJANGO_", "PG")):
            del os.environ[name]
    os.environ["DJANGO_SETTINGS_MODULE"] = "orqstudio.settings"
    os.environ["ORQSTUDIO_DATA_DIR"] = str(data_dir)
    os.environ["ORQSTUDIO_API_KEY"] = TOKEN
    os.environ["OPENAI_BASE_URL"] = f"http://127.0.0.1:{upstream_port}/v1"
    os.environ["OPENAI_API_KEY"] = "sk-bench"


@contextmanager
def _running_upstream() -> Iterator[int]:
    command = [sys.executable, "-m", "bench.upstream"]
    with subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline())
        finally:
            process.kill()


@contextmanager
def _serving(
    workers: int, data_dir: Path
) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    port = _free_port()
    options = ["--port", str(port), "--workers", str(workers)]
    log = data_dir / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "serve", *options],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        _wait_until_ready(process, port, log)
        yield process, port
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(OSError):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            connection.request("GET", "/readyz")
            if connection.getresponse().status == http.HTTPStatus.OK:
                return
        time.sleep(0.1)
    raise SystemExit("The server does not start:\n" + log.read_text("utf-8", "replace"))


def _free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])
