"""The limit beside us: pgbench doing per call what a simple design would do.

Two statements, each its own commit, no HTTP and no Python: an admission that sets
money aside in the identity's window, and a settlement that writes event, day and
window. Both leave what a governed call leaves, except the hold's own row.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

FAILED = r"failed transactions: (\d+)"

_TABLES = """
CREATE TABLE bench_window (id integer PRIMARY KEY, amount_usd numeric(20, 10) NOT NULL,
    settled_usd numeric(20, 10) NOT NULL, settled_requests bigint NOT NULL,
    held_usd numeric(20, 10) NOT NULL) WITH (fillfactor = 50);
CREATE TABLE bench_day (id integer, day date, requests bigint NOT NULL,
    cost_usd numeric(20, 10) NOT NULL, PRIMARY KEY (id, day)) WITH (fillfactor = 80);
CREATE TABLE bench_event (occurred_at timestamptz, id uuid,
    identity_id integer NOT NULL, model text NOT NULL,
    input_tokens bigint NOT NULL, output_tokens bigint NOT NULL,
    cost_usd numeric(20, 10) NOT NULL, status text NOT NULL,
    PRIMARY KEY (occurred_at, id));
CREATE INDEX ON bench_event (identity_id, occurred_at DESC);
INSERT INTO bench_window SELECT n, 1000000, 0, 0, 0 FROM generate_series(1, 1000) n;
"""
_CALL = """
\\set id random(1, {identities})
UPDATE bench_window SET held_usd = held_usd + 0.0002
WHERE id = :id AND settled_usd + held_usd < amount_usd;
WITH event AS (
    INSERT INTO bench_event
    VALUES (clock_timestamp(), gen_random_uuid(), :id, 'gpt-4o-mini', 61, 42,
            0.00003435, 'ok')
), day AS (
    INSERT INTO bench_day AS d VALUES (:id, current_date, 1, 0.00003435)
    ON CONFLICT (id, day) DO UPDATE SET
        requests = d.requests + 1, cost_usd = d.cost_usd + excluded.cost_usd
)
UPDATE bench_window SET held_usd = held_usd - 0.0002,
    settled_usd = settled_usd + 0.00003435, settled_requests = settled_requests + 1
WHERE id = :id;
"""


def create_tables() -> None:
    """Create the tables beside the product's own, in its database."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(_TABLES)


def run_pgbench(*, clients: int, seconds: float, identities: int) -> dict[str, Any]:
    """Return calls, calls/s and latencies in ms of one run, as `bench.load` does."""
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory) / "call.sql"
        script.write_text(_CALL.format(identities=identities))
        done = subprocess.run(
            [
                *_command(directory, clients, seconds),
                f"--file={script}",
            ],
            capture_output=True,
            text=True,
            check=True,
        )
        logs = [path.read_text() for path in Path(directory).glob("calls.*")]
    latencies_ms = sorted(
        int(line.split()[2]) / 1000 for log in logs for line in log.splitlines()
    )
    calls = len(latencies_ms)
    return {
        "calls": calls,
        "calls_per_s": _number(r"tps = ([\d.]+)", done.stdout),
        "p50_ms": latencies_ms[calls // 2],
        "p99_ms": latencies_ms[calls * 99 // 100],
        "statuses": {"200": calls, "failed": _number(FAILED, done.stdout)},
    }


def _number(pattern: str, text: str) -> float:
    found = re.search(pattern, text)
    assert found is not None, text
    return float(found[1])


def _command(directory: str, clients: int, seconds: float) -> list[str]:
    from django.db import connection

    from orqstudio.lib.postgres_programs import find_programs

    place = connection.settings_dict
    return [
        str(find_programs() / "pgbench"),
        *("--host", place["HOST"], "--username", place["USER"]),
        *("--protocol=prepared", "--no-vacuum", "--jobs=1"),
        *("--client", str(clients), "--time", str(max(1, round(seconds)))),
        *("--log", f"--log-prefix={directory}/calls"),
        place["NAME"],
    ]
