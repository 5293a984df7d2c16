"""The throw-away PostgreSQL of a test run, up before Django reads its settings.

With DATABASE_URL set that server is used instead. The first process of a run (the
controller, under xdist) owns the cluster and removes it; a run that was killed is
cleaned up after by the next one, as its lock died with it.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from orqstudio.lib import embedded_postgres
from orqstudio.lib.embedded_postgres import Cluster
from orqstudio.lib.file_lock import FileLock
from orqstudio.lib.postgres_directories import socket_dir

PREFIX = "orqstudio-tests-"
_UNTESTED = ("ORQSTUDIO_", "OPENAI_")


class ThrowAway:
    """A temporary data directory, and a cluster in it unless one was given."""

    def __init__(self) -> None:
        self.data_dir = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
        self.lock = FileLock(self.data_dir / "run.lock").acquire()
        self.cluster: Cluster | None = None

    def start(self) -> None:
        """Start it and tell the settings through the environment."""
        if not os.environ.get("DATABASE_URL"):
            self.cluster = embedded_postgres.start(self.data_dir, throw_away=True)
            os.environ["DATABASE_URL"] = self.cluster.url
        os.environ["ORQSTUDIO_DATA_DIR"] = str(self.data_dir)
        (self.data_dir / "static").mkdir()  # whitenoise wants it there
        # Runs that share pytest's usual directory close it to each other's database
        # servers, which for root are another user's.
        os.environ["PYTEST_DEBUG_TEMPROOT"] = str(self.data_dir)

    def remove(self) -> None:
        """Stop the server and delete everything."""
        if self.cluster:
            self.cluster.stop()
            os.environ.pop("DATABASE_URL")
        _delete(self.data_dir)
        self.lock.release()


def _delete(data_dir: Path) -> None:
    for directory in (data_dir, socket_dir(data_dir)):
        shutil.rmtree(directory, ignore_errors=True)


def _clean_up_after_killed_runs() -> None:
    for data_dir in Path(tempfile.gettempdir()).resolve().glob(f"{PREFIX}*"):
        lock = FileLock(data_dir / "run.lock")
        try:
            if lock.try_acquire():
                if (data_dir / "postgres.control").exists():
                    embedded_postgres.start(data_dir).stop()
                _delete(data_dir)
        except (OSError, embedded_postgres.EmbeddedPostgresError):
            continue  # another user's, or being removed right now
        finally:
            lock.release()


def _begin() -> None:
    """Run at import: nothing else is early enough, and atexit late enough."""
    if "PYTEST_XDIST_WORKER" in os.environ:
        return
    for name in list(os.environ):
        if name.startswith(_UNTESTED) and name != "ORQSTUDIO_REQUIRE":
            del os.environ[name]  # the developer's own settings are not under test
    _clean_up_after_killed_runs()
    throw_away = ThrowAway()
    atexit.register(throw_away.remove)
    throw_away.start()


_begin()
