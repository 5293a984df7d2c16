"""Settlements on disk while PostgreSQL is away, replayed when it is back.

One file a process, one JSON line a settlement, fsynced before the caller is
answered. The file is locked while its process lives; what a dead process left is
taken over. Replaying twice is harmless: the ledger settles a call once. A file of
which something could not be replayed stays beside the others as `*.refused`.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import logging
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from metering.calls import Call, Outcome, Status
from metering.ledger.requests import Settle
from metering.pricing import Tokens
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Leftover:
    """A spool file to replay; `is_damaged`: some of its lines cannot be read."""

    path: Path
    settles: list[Settle]
    is_damaged: bool


class Spool:
    """The spool directory as one process uses it."""

    def __init__(self, directory: Path) -> None:
        """Create the directory (0700) unless it exists."""
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._directory = directory
        self._file: int | None = None
        self._path: Path | None = None

    def append(self, settles: Sequence[Settle]) -> None:
        """Write settlements and fsync.

        Raises:
            OSError: the disk is full or gone; nothing may be taken for saved.
        """
        if self._file is None:
            self._open()
        assert self._file is not None  # noqa: S101 - set by _open
        lines = "".join(json.dumps(_dump(s), default=str) + "\n" for s in settles)
        size = os.fstat(self._file).st_size
        try:
            _write_all(self._file, lines.encode())
        except OSError:
            # Half a line would spoil the one that is written after it.
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, size)
            raise

    def _open(self) -> None:
        self._path = self._directory / f"{ids.show(ids.new_id())}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL
        self._file = os.open(self._path, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        directory = os.open(self._directory, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def take(self) -> list[Leftover]:
        """Return what waits for replay: our own file, closed, and dead processes'."""
        self.close()
        paths = sorted(self._directory.glob("*.jsonl"))
        return [left for path in paths if (left := _read_unless_locked(path))]

    def discard(self, path: Path) -> None:
        """Remove a file whose settlements are all in the database."""
        path.unlink(missing_ok=True)

    def set_aside(self, path: Path) -> None:
        """Keep a file for people: replaying it again would change nothing."""
        logger.error("spool: not all of %s could be replayed; kept", path.name)
        with contextlib.suppress(FileNotFoundError):
            path.rename(path.with_suffix(".refused"))

    def close(self) -> None:
        """Close our own file, so that it can be replayed."""
        if self._file is not None:
            os.close(self._file)
        self._file = self._path = None


def _write_all(file: int, data: bytes) -> None:
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)


def _read_unless_locked(path: Path) -> Leftover | None:
    """Return None for the file of a live process, and for one just replayed."""
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(
                path.open(encoding="utf-8", errors="surrogateescape")
            )
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (FileNotFoundError, BlockingIOError):
            return None
        settles, is_damaged = [], False
        for line in file:
            try:
                if _is_whole(line):
                    settles.append(_load(line))
            except (ValueError, KeyError, TypeError):
                is_damaged = True
        return Leftover(path, settles, is_damaged)


def _is_whole(line: str) -> bool:
    """A crash can leave half a last line; its caller was never answered."""
    if line.endswith("\n"):
        return True
    logger.warning("spool: dropped half a line that was never answered")
    return False


def _dump(settle: Settle) -> dict[str, Any]:
    return {"call": asdict(settle.call), "outcome": asdict(settle.outcome)}


def _load(line: str) -> Settle:
    row = json.loads(line)
    call, outcome = row["call"], row["outcome"]
    call["id"], call["workspace_id"] = UUID(call["id"]), UUID(call["workspace_id"])
    call["api_key_id"] = UUID(call["api_key_id"]) if call["api_key_id"] else None
    call["matched_budget_ids"] = tuple(map(UUID, call["matched_budget_ids"]))
    call["occurred_at"] = datetime.fromisoformat(call["occurred_at"])
    outcome["settled_at"] = datetime.fromisoformat(outcome["settled_at"])
    outcome["status"] = Status(outcome["status"])
    outcome["tokens"] = Tokens(**outcome["tokens"])
    if outcome["cost_usd"] is not None:
        outcome["cost_usd"] = Decimal(outcome["cost_usd"])
    return Settle(Call(**call), Outcome(**outcome))
