"""From samples to the table that docs/performance.md shows."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from statistics import median
from typing import Any

PACKAGES = ("Django", "psycopg", "uvicorn", "uvloop", "starlette", "pyreqwest")
_COLUMNS = (
    *("row", "conn", "calls/s", "best", "p50 ms", "p99 ms", "+p50", "+p99"),
    *("server µs", "pg µs", "sum µs"),
)
_ALONE = "upstream alone"


def describe_machine() -> dict[str, Any]:
    """Return versions and how busy the machine was."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT current_setting('server_version'), current_setting('fsync'), "
            "current_setting('synchronous_commit')"
        )
        postgres, fsync, synchronous_commit = cursor.fetchone()
    return {
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load_average": os.getloadavg(),
        "postgres": postgres,
        "fsync": fsync,
        "synchronous_commit": synchronous_commit,
    } | {name: version(name) for name in PACKAGES}


def summarise(samples: dict[tuple[str, int], list[dict[str, Any]]]) -> list[Any]:
    """Return one line a row and connection count.

    Rates and latencies are medians of the rounds; CPU is the least of them, since a
    busy machine only ever adds to it.
    """
    rows = []
    alone = {c: group for (name, c), group in samples.items() if name == _ALONE}
    for (name, connections), group in samples.items():
        row = {
            "row": name,
            "connections": connections,
            "calls_per_s": _median(group, "calls_per_s"),
            "best_calls_per_s": max(sample["calls_per_s"] for sample in group),
            "p50_ms": _median(group, "p50_ms"),
            "p99_ms": _median(group, "p99_ms"),
            "server_cpu_us": _least(group, "server_cpu_us"),
            "postgres_cpu_us": _least(group, "postgres_cpu_us"),
            "cpu_us": min(s["server_cpu_us"] + s["postgres_cpu_us"] for s in group),
            "stolen_s": sum(sample["stolen_s"] for sample in group),
            "calls": sum(sample["calls"] for sample in group),
        }
        for name_ms in ("p50_ms", "p99_ms"):
            row[f"added_{name_ms}"] = row[name_ms] - _median(
                alone[connections], name_ms
            )
        rows.append(row)
    return rows


def _median(group: list[dict[str, Any]], name: str) -> float:
    return median(sample[name] for sample in group)


def _least(group: list[dict[str, Any]], name: str) -> float:
    return float(min(sample[name] for sample in group))


def ratios(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Return the goals' ratios; medians of interleaved rounds."""
    rate = {(row["row"], row["connections"]): row["calls_per_s"] for row in rows}
    most = max(row["connections"] for row in rows)

    def best(name: str) -> float:
        return max(value for (row, _), value in rate.items() if row == name)

    spread = rate["governed, spread", most]
    return {
        "governed spread : two statements spread, each at its best": best(
            "governed, spread"
        )
        / best("pgbench, spread"),
        f"governed hot : governed spread, {most} connections": rate[
            "governed, one hot", most
        ]
        / spread,
        f"two statements hot : spread, {most} connections": rate[
            "pgbench, one hot", most
        ]
        / rate["pgbench, spread", most],
    }


def print_report(result: dict[str, Any]) -> None:
    """Print machine, table, ratios and the state of the books."""
    print(", ".join(f"{name} {value}" for name, value in result["machine"].items()))
    print(", ".join(f"{name} {value}" for name, value in result["plan"].items()))
    print()
    print("| " + " | ".join(_COLUMNS) + " |")
    print("|" + "---|" * len(_COLUMNS))
    for row in result["rows"]:
        print("| " + " | ".join(_cells(row)) + " |")
    print()
    for name, value in ratios(result["rows"]).items():
        print(f"{name}: {value:.2f}")
    stolen = sum(row["stolen_s"] for row in result["rows"])
    print(f"CPU stolen by the hypervisor while measuring: {stolen:.1f} s")
    books = result["parity"]
    verdict = "exact" if books["is_exact"] else "WRONG"
    print(f"errors: {result['errors']}; parity: {verdict} {books}")


def _cells(row: dict[str, Any]) -> list[str]:
    is_ours = row["row"].startswith("governed")
    added = [
        f"{row[f'added_{name}_ms']:.2f}" if is_ours else "" for name in ("p50", "p99")
    ]
    return [
        row["row"],
        str(row["connections"]),
        f"{row['calls_per_s']:.0f}",
        f"{row['best_calls_per_s']:.0f}",
        f"{row['p50_ms']:.2f}",
        f"{row['p99_ms']:.2f}",
        *added,
        f"{row['server_cpu_us']:.0f}" if is_ours else "",
        f"{row['postgres_cpu_us']:.0f}" if row["row"] != _ALONE else "",
        f"{row['cpu_us']:.0f}" if is_ours else "",
    ]
