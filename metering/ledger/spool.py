"""Settlements on disk while PostgreSQL is away, replayed when it is back.

One file a process, one JSON line a settlement, fsynced before the caller is
answered. The file is locked while its process lives; what a dead process left is
taken over. Replaying twice is harmless: the ledger settles a call once.
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
from dataclasses import asdict
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
        os.write(self._file, lines.encode())
        os.fsync(self._file)

    def _open(self) -> None:
        self._path = self._directory / f"{ids.show(ids.new_id())}.jsonl"
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_EXCL
        self._file = os.open(self._path, flags, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        directory = os.open(self._directory, os.O_RDONLY)
        os.fsync(directory)
        os.close(directory)

    def take(self) -> list[tuple[Path, list[Settle]]]:
        """Return what waits for replay: our own file, closed, and dead processes'."""
        self.close()
        taken = []
        for path in sorted(self._directory.glob("*.jsonl")):
            settles = self._read_unless_locked(path)
            if settles is not None:
                taken.append((path, settles))
        return taken

    def _read_unless_locked(self, path: Path) -> list[Settle] | None:
        with path.open(encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return None  # its process lives and replays it itself
            return [_load(line) for line in file if _is_whole(line)]

    def discard(self, path: Path) -> None:
        """Remove a file whose settlements are all in the database."""
        path.unlink(missing_ok=True)

    def close(self) -> None:
        """Close our own file, so that it can be replayed."""
        if self._file is not None:
            os.close(self._file)
        self._file = self._path = None


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
    call["occurred_at"] = datetime.fromisoformat(call["occurred_at"])
    outcome["settled_at"] = datetime.fromisoformat(outcome["settled_at"])
    outcome["status"] = Status(outcome["status"])
    outcome["tokens"] = Tokens(**outcome["tokens"])
    if outcome["cost_usd"] is not None:
        outcome["cost_usd"] = Decimal(outcome["cost_usd"])
    return Settle(Call(**call), Outcome(**outcome))
