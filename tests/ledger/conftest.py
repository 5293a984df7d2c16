"""Ledgers for tests, on workspaces that are committed."""

from __future__ import annotations

import pytest

from metering.ledger.actor import Ledger, LedgerSettings
from metering.ledger.keeper import Keeper
from metering.ledger.spool import Spool
from tests.committed import acme, database, db, facts, globex

__all__ = ["acme", "database", "db", "facts", "globex"]


@pytest.fixture
async def start(database, tmp_path):
    """Start ledgers: `start(wait_s=0, with_keeper=True)`; all stop at the end."""
    running: list[tuple[Ledger, Keeper | None]] = []

    def start_one(*, with_keeper: bool = False, **knobs):
        values = {"conninfo": database, "lease_s": 60, "wait_s": 10, **knobs}
        ledger = Ledger(LedgerSettings(**values), Spool(tmp_path / "spool"))
        ledger.start()
        keeper = Keeper(ledger) if with_keeper else None
        if keeper:
            keeper.start()
        running.append((ledger, keeper))
        return ledger

    yield start_one
    for ledger, keeper in running:
        if keeper:
            await keeper.stop()
        await ledger.stop()


@pytest.fixture
async def ledger(start):
    """One ledger without a keeper."""
    return start()
