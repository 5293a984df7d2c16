"""PostgreSQL goes away and comes back: no free pass, nothing lost, nothing doubled."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
from decimal import Decimal

import pytest
from django.db import connections

from identities.models import Workspace
from metering.ledger.actor import LedgerUnavailableError
from metering.ledger.requests import Settle
from metering.ledger.spool import Spool
from metering.models import Budget
from metering.pricing import Tokens
from orqstudio.lib import database_url, embedded_postgres, ids
from orqstudio.lib.postgres_directories import socket_dir
from tests.committed import Facts, in_thread
from tests.conftest import NOON
from tests.ledger.kit import (
    make_call,
    outcome,
    require_one_truth,
    run_call,
    until,
    worst,
)
from tests.make import make_budget
from tests.serving import ROOT

pytestmark = [pytest.mark.race, pytest.mark.slow]


class OwnCluster:
    """A PostgreSQL of this file alone, migrated, that tests stop and start."""

    def __init__(self, data_dir) -> None:
        self.data_dir = data_dir
        self.cluster = embedded_postgres.start(data_dir, throw_away=True)
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            cwd=ROOT,
            env={
                **os.environ,
                "DATABASE_URL": self.url,
                "ORQSTUDIO_DATA_DIR": str(data_dir),
            },
            check=True,
        )

    @property
    def url(self) -> str:
        return embedded_postgres.url_for(self.data_dir)

    def stop(self) -> None:
        self.cluster.stop()

    def start(self) -> None:
        self.cluster = embedded_postgres.start(self.data_dir, throw_away=True)


@pytest.fixture(scope="module")
def own_cluster(tmp_path_factory):
    data_dir = tmp_path_factory.mktemp("cluster").resolve()
    made = OwnCluster(data_dir)
    yield made
    made.stop()
    for directory in (data_dir, socket_dir(data_dir)):
        shutil.rmtree(directory, ignore_errors=True)


@pytest.fixture
def tenant(own_cluster, db):
    """A workspace of that cluster with a budget of $10 on user_1."""
    alias = "own_cluster"
    connections.databases[alias] = {
        **connections.databases["default"],
        **database_url.parse(own_cluster.url),
    }
    slug = ids.show(ids.new_id()).lower()
    made = Workspace.objects.using(alias).create(slug=slug, name="Acme")
    Budget.objects.using(alias).create(
        workspace=made,
        scope_kind="identity",
        scope_target="user_1",
        period="monthly",
        amount_usd=Decimal(10),
    )
    connections[alias].close()
    yield made
    del connections.databases[alias]


def spool_files(tmp_path):
    return list((tmp_path / "spool").glob("*"))


async def test_without_a_database_no_call_passes_and_no_outcome_is_lost(
    own_cluster, tenant, start, tmp_path
):
    """Promise 3, F2, C3: 503 for new calls, the spool for ends, replayed once."""
    ledger = start(conninfo=own_cluster.url, with_keeper=True)
    calls = [make_call(tenant) for _ in range(5)]
    await asyncio.gather(*(ledger.admit(call, worst(), NOON) for call in calls))

    await asyncio.to_thread(own_cluster.stop)
    with pytest.raises(LedgerUnavailableError):
        await ledger.admit(make_call(tenant), worst(), NOON)
    ends = await asyncio.gather(
        *(ledger.settle(call, outcome("0.1")) for call in calls)
    )
    assert [end.is_new for end in ends] == [True] * 5
    (path,) = spool_files(tmp_path)
    kept = path.read_bytes()

    await asyncio.to_thread(own_cluster.start)
    await until(lambda: not spool_files(tmp_path), "the spool is replayed")

    facts = Facts(own_cluster.url)
    assert facts.spent(tenant) == Decimal("0.5")
    assert facts.holds(tenant) == []
    require_one_truth(facts, tenant)
    assert await run_call(ledger, make_call(tenant), costs="9.5") == "ok"
    assert await run_call(ledger, make_call(tenant)) == "spent"

    path.write_bytes(kept)  # as after a crash in the middle of the replay
    await until(lambda: not spool_files(tmp_path), "replayed a second time")
    assert len(facts.events(tenant)) == 6
    require_one_truth(facts, tenant)
    facts.connection.close()


async def test_what_one_process_spooled_another_replays_after_a_restart(
    own_cluster, tenant, start, tmp_path
):
    """C1: a graceful stop while the database is away drops nothing."""
    first = start(conninfo=own_cluster.url)
    call = make_call(tenant)
    await first.admit(call, worst(), NOON)
    await asyncio.to_thread(own_cluster.stop)
    settling = asyncio.create_task(first.settle(call, outcome("0.25")))
    await asyncio.sleep(0)
    await first.stop()
    await settling
    assert len(spool_files(tmp_path)) == 1

    await asyncio.to_thread(own_cluster.start)
    start(conninfo=own_cluster.url, with_keeper=True)
    await until(lambda: not spool_files(tmp_path), "the spool is replayed")

    facts = Facts(own_cluster.url)
    assert facts.spent(tenant) == Decimal("0.25")
    require_one_truth(facts, tenant)
    facts.connection.close()


async def test_without_database_and_disk_an_outcome_is_kept_in_memory(
    own_cluster, tenant, start, monkeypatch
):
    ledger = start(conninfo=own_cluster.url)
    call = make_call(tenant)
    await ledger.admit(call, worst(), NOON)

    def fail(_settles):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(ledger.spool, "append", fail)
    await asyncio.to_thread(own_cluster.stop)
    with pytest.raises(LedgerUnavailableError):
        await ledger.settle(call, outcome("0.25"))
    await asyncio.to_thread(own_cluster.start)

    facts = Facts(own_cluster.url)
    await until(lambda: facts.events(tenant), "it was settled after all")
    assert facts.spent(tenant) == Decimal("0.25")
    assert facts.holds(tenant) == []
    require_one_truth(facts, tenant)
    facts.connection.close()


def cut_connections(facts, name="orqstudio-ledger"):
    return facts.rows(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
        "WHERE application_name = %s AND datname = current_database()",
        name,
    )


async def test_a_cut_connection_is_made_again_without_anybody_noticing(
    acme, facts, ledger
):
    await in_thread(make_budget, acme)
    for _ in range(4):
        assert await run_call(ledger, make_call(acme)) == "ok"
        assert cut_connections(facts)

    assert facts.spent(acme) == Decimal(4)
    require_one_truth(facts, acme)


async def test_connections_cut_under_load_lose_and_double_nothing(
    acme, facts, start, tmp_path
):
    """C3, C5: whoever heard `ok` is counted once, whoever was refused not at all."""
    await in_thread(make_budget, acme, amount_usd=Decimal(1000))
    ledgers = [start(with_keeper=True), start(with_keeper=True)]
    ends = []

    async def call_on(number):
        for i in range(15):
            call = make_call(acme, f"user_{number % 4}")
            try:
                ends.append(await run_call(ledgers[(number + i) % 2], call))
            except LedgerUnavailableError:
                ends.append("unavailable")

    async def cut():
        while len(ends) < 200:
            await asyncio.to_thread(cut_connections, facts)
            await asyncio.sleep(0.02)

    await asyncio.gather(cut(), *(call_on(number) for number in range(16)))
    await until(lambda: not facts.holds(acme), "all holds are settled or given back")
    await until(lambda: not spool_files(tmp_path), "what was spooled is replayed")

    assert len(facts.events(acme)) == ends.count("ok")
    assert {event["status"] for event in facts.events(acme)} == {"ok"}
    require_one_truth(facts, acme)


async def test_a_server_that_cannot_write_refuses_calls_and_spools_ends(
    acme, facts, start, tmp_path
):
    """A standby after a failover, a full disk: an answer, not a broken connection."""
    await in_thread(make_budget, acme)
    ledger = start()
    call = make_call(acme)
    await ledger.admit(call, worst(), NOON)

    await ledger._connection.execute("SET default_transaction_read_only = on")
    assert (await ledger.settle(call, outcome("0.5"))).is_new
    assert len(spool_files(tmp_path)) == 1

    start(with_keeper=True)
    ledger.spool.close()
    await until(lambda: not spool_files(tmp_path), "the spool is replayed")
    assert facts.spent(acme) == Decimal("0.5")
    require_one_truth(facts, acme)


@pytest.mark.parametrize("is_readable", [True, False])
async def test_a_spooled_end_that_can_never_be_kept_holds_up_no_other(
    acme, facts, start, tmp_path, is_readable
):
    """C11: the keeper neither stalls nor loops on it; the file is set aside."""
    await in_thread(make_budget, acme)
    good, bad = make_call(acme), make_call(acme)
    spool = Spool(tmp_path / "spool")
    impossible = Tokens(input=10**30)
    spool.append([Settle(bad, outcome("1", impossible)), Settle(good, outcome("0.5"))])
    spool.close()
    if not is_readable:
        (path,) = spool_files(tmp_path)
        path.write_bytes(b"rubbish\n" + path.read_bytes().splitlines(True)[1])

    ledger = start(with_keeper=True)
    await until(
        lambda: [path.suffix for path in spool_files(tmp_path)] == [".refused"],
        "the file is set aside",
    )

    assert facts.spent(acme) == Decimal("0.5")
    assert await run_call(ledger, make_call(acme)) == "ok"
    require_one_truth(facts, acme)
