"""The PostgreSQL that comes with us: made, started, found again and stopped here.

`data_dir/postgres/18` is the cluster, beside it its log and two locks. It listens on
a Unix socket in a private directory only; whoever may enter that directory is
trusted. Several processes can use one cluster: each holds a share of a lock, and the
last one to stop it really stops it. A server killed with -9 leaves the cluster
running or crashed; the next start uses it again or lets it recover.
"""

from __future__ import annotations

import shlex
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from orqstudio.lib import postgres_programs
from orqstudio.lib.postgres_directories import (
    cluster_dir,
    prepare,
    refuse_other_major,
    socket_dir,
)
from orqstudio.lib.postgres_programs import MAJOR, EmbeddedPostgresError

if TYPE_CHECKING:
    from orqstudio.lib.file_lock import FileLock

NAME = "orqstudio"
"""Role and database."""
SUPERUSER = "postgres"
START_TIMEOUT_S = 300
"""Recovery after a crash replays at most max_wal_size; this is far beyond it."""
ANSWER_TIMEOUT_S = 60
STOP_TIMEOUT_S = 30
_STILL_ENDING = ("shared memory block", "lock file")
"""In PostgreSQL's words: processes of a killed server are not gone yet."""
_CONFIGURATION = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "shared_buffers": "256MB",
    "max_wal_size": "2GB",
    "max_connections": "1100",  # 64 workers with 16 each, and room for commands
    "wal_compression": "on",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_checkpoints": "off",
    # failed statements are the application's to report, and can hold its data
    "log_min_messages": "log",
}
_THROW_AWAY = {
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
    "shared_buffers": "128MB",
}

__all__ = ["Cluster", "EmbeddedPostgresError", "is_running", "start", "url_for"]


def url_for(data_dir: Path, *, user: str = NAME, database: str = NAME) -> str:
    """Return the address of the cluster of a data directory; starts nothing."""
    host = quote(str(socket_dir(data_dir)), safe="")
    return f"postgresql://{user}@/{database}?host={host}"


def is_running(data_dir: Path) -> bool:
    """Return whether a server runs on the cluster of a data directory."""
    cluster = cluster_dir(data_dir)
    pid_file = cluster / "postmaster.pid"
    if not pid_file.exists() or _is_stale(pid_file):
        return False
    done = postgres_programs.run_program(
        "pg_ctl", "status", "-D", cluster, timeout_s=30
    )
    return done.returncode == 0


def start(data_dir: Path, *, throw_away: bool = False) -> Cluster:
    """Return a running cluster: found, started, or made and started.

    Args:
        data_dir: an absolute path; created with mode 0700.
        throw_away: for tests; a crash of the machine may lose everything.

    Raises:
        EmbeddedPostgresError: with the one sentence to show.
    """
    from orqstudio.lib.file_lock import FileLock

    try:
        version = postgres_programs.make_programs_reachable()
        home = prepare(data_dir)
        users = FileLock(home.parent / "postgres.users")
        with FileLock(home.parent / "postgres.control"):
            refuse_other_major(home)
            if not cluster_dir(data_dir).exists():
                _make_cluster(home, throw_away=throw_away)
            _ensure_serving(data_dir, _THROW_AWAY if throw_away else {})
            (home.parent / "postgres.version").write_text(f"{version}\n", "ascii")
            users.share()
    except OSError as error:
        message = f"The data directory {data_dir} cannot be used: {error}."
        raise EmbeddedPostgresError(message) from error
    return Cluster(data_dir, users)


class Cluster:
    """A running cluster and this process's share in keeping it so."""

    def __init__(self, data_dir: Path, users: FileLock) -> None:
        self.data_dir = data_dir
        self.url = url_for(data_dir)
        self._users = users

    def stop(self) -> None:
        """Stop the server unless another process uses it; at most half a minute.

        Open transactions are rolled back ("fast"). Twice is once.
        """
        from orqstudio.lib.file_lock import FileLock

        with FileLock(self.data_dir / "postgres.control"):
            self._users.release()
            if self._users.try_acquire():
                _stop_server(cluster_dir(self.data_dir))
                with suppress(OSError):  # not empty: it did not stop
                    socket_dir(self.data_dir).rmdir()
                self._users.release()


def _make_cluster(home: Path, *, throw_away: bool) -> None:
    """Run initdb beside the final place, so that half a cluster is never taken."""
    draft = home / "draft"
    shutil.rmtree(draft, ignore_errors=True)
    done = postgres_programs.run_program(
        "initdb",
        f"--pgdata={draft}",
        f"--username={SUPERUSER}",
        "--auth=trust",
        "--encoding=UTF8",
        "--locale=C",
        "--locale-provider=builtin",
        "--builtin-locale=C.UTF-8",
        *(["--no-sync"] if throw_away else []),
        timeout_s=START_TIMEOUT_S,
    )
    if done.returncode:
        message = f"PostgreSQL cannot make its data in {home}: {_reason(done)}"
        raise EmbeddedPostgresError(message)
    draft.rename(home / str(MAJOR))


def _ensure_serving(data_dir: Path, changes: dict[str, str]) -> None:
    """Start the server where none runs, until role and database are there.

    A server found running can be recovering, or dying: then it is asked again.
    """
    import psycopg

    deadline = time.monotonic() + ANSWER_TIMEOUT_S
    while True:
        if not is_running(data_dir):
            _start_server(data_dir, changes)
        try:
            return _create_role_and_database(data_dir)
        except psycopg.OperationalError as error:
            if time.monotonic() > deadline:
                message = f"The embedded PostgreSQL does not answer: {error}."
                raise EmbeddedPostgresError(message) from error
        time.sleep(0.2)


def _start_server(data_dir: Path, changes: dict[str, str]) -> None:
    """Start it and wait until it accepts connections, recovery included.

    A second try follows where processes of a killed server are still ending.
    """
    settings = {
        **_CONFIGURATION,
        **changes,
        "unix_socket_directories": str(socket_dir(data_dir)),
    }
    options = " ".join(f"-c {key}={shlex.quote(v)}" for key, v in settings.items())
    cluster, log = cluster_dir(data_dir), data_dir / "postgres" / "server.log"
    socket_lock = socket_dir(data_dir) / ".s.PGSQL.5432.lock"
    for pid_file in (cluster / "postmaster.pid", socket_lock):
        if _is_stale(pid_file):
            pid_file.unlink()
    for pause_s in (0.2, 1.0, 5.0, 0.0):
        done = postgres_programs.run_program(
            *("pg_ctl", "start", "-D", cluster, "-l", log, "-o", options),
            *("-w", "-t", str(START_TIMEOUT_S)),
            timeout_s=START_TIMEOUT_S + 30,
        )
        if done.returncode == 0:
            return
        reason = log.read_text("utf-8", "replace")[-2000:]
        if not any(words in reason for words in _STILL_ENDING):
            break
        time.sleep(pause_s)
    message = f"The embedded PostgreSQL does not start; the reason is in {log}."
    raise EmbeddedPostgresError(message)


def _is_stale(pid_file: Path) -> bool:
    """Return whether a PID file names a process that lives but is no PostgreSQL.

    A container that starts again hands out the same numbers, and one without an init
    process keeps the dead as zombies: PostgreSQL would take either for a running
    server and refuse to start. A number without a process it understands itself.
    """
    try:
        pid = pid_file.read_text("ascii").split()[0]
        stat = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    except (OSError, IndexError, ValueError):
        return False
    state = stat.rpartition(")")[2].split()[0]
    return "(postgres)" not in stat or state in {"Z", "X"}


def _stop_server(cluster: Path) -> None:
    for mode in ("fast", "immediate"):
        done = postgres_programs.run_program(
            *("pg_ctl", "stop", "-D", cluster, "-m", mode),
            *("-w", "-t", str(STOP_TIMEOUT_S)),
            timeout_s=STOP_TIMEOUT_S + 30,
        )
        if done.returncode == 0 or not (cluster / "postmaster.pid").exists():
            return


def _create_role_and_database(data_dir: Path) -> None:
    """Create our role, no superuser, and its database where they are missing.

    The role may create databases, as the tests do.
    """
    import psycopg

    url = url_for(data_dir, user=SUPERUSER, database="postgres")
    role = "SELECT FROM pg_roles WHERE rolname = %s"
    database = "SELECT FROM pg_database WHERE datname = %s"
    with psycopg.connect(url, autocommit=True) as connection:
        if not connection.execute(role, [NAME]).rowcount:
            connection.execute(f"CREATE ROLE {NAME} LOGIN CREATEDB")
        if not connection.execute(database, [NAME]).rowcount:
            connection.execute(f"CREATE DATABASE {NAME} OWNER {NAME}")


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """Return the first line that speaks of an error, else the last one."""
    lines = done.stderr.splitlines() or ["no reason given"]
    return next((line for line in lines if "error:" in line), lines[-1])
