"""Locks between processes that die with the process that holds them (flock)."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self


class FileLock:
    """A lock on a small file; the file stays, the lock goes with its holder.

    The descriptor is not inherited by child processes, so a lock never outlives
    the process that took it, not even after kill -9.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self) -> Self:
        """Wait until this process holds the file alone."""
        fcntl.flock(self._open(), fcntl.LOCK_EX)
        return self

    def share(self) -> Self:
        """Wait until this process holds the file together with other sharers."""
        fcntl.flock(self._open(), fcntl.LOCK_SH)
        return self

    def try_acquire(self) -> bool:
        """Return whether this process now holds the file alone; never wait."""
        try:
            fcntl.flock(self._open(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.release()
            return False
        return True

    def release(self) -> None:
        """Give the lock back; nothing happens when it is not held."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def __enter__(self) -> Self:
        return self.acquire()

    def __exit__(self, *exc_info: object) -> None:
        self.release()

    def _open(self) -> int:
        if self._descriptor is None:
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._descriptor = os.open(self._path, flags, 0o600)
        return self._descriptor
