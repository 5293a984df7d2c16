"""What a governed call costs, beside what bounds it; see docs/performance.md.

`make bench`, or `python -m bench.governed_call --quick`. Rounds are interleaved:
every row is measured once before any is measured again, so that a machine that
slows down slows all of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.installation import (
    IDENTITIES,
    ROOT,
    TOKEN,
    Installation,
    fill,
    run_installation,
)
from bench.parity import read_books
from bench.processes import cpu_of_tree_s, stolen_s
from bench.report import describe_machine, print_report, summarise
from bench.two_statements import create_tables, run_pgbench

RESULT = Path(__file__).parent / "results" / "governed_call.json"
WARM_UP_S = 2.0
Sample = dict[str, Any]
Measure = Callable[[int], Sample]
"""Measures one row once, with so many connections."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure."""

    rounds: int
    seconds: float
    connections: tuple[int, ...]
    workers: int
    output: Path


def main() -> None:
    """Measure, check the books, print, write the result; exit 1 if they differ."""
    plan = _read_plan()
    with run_installation(plan.workers) as installation:
        fill()
        create_tables()
        rows = _rows(installation, plan.seconds)
        warm_up = run_load(
            installation, connections=16, seconds=WARM_UP_S, identities=IDENTITIES
        )
        samples = _measure(installation, plan, rows)
        governed = [warm_up, *_governed(samples)]
        books = read_books(sum(each["statuses"].get("200", 0) for each in governed))
        result = {
            "machine": describe_machine(),
            "plan": {"rounds": plan.rounds, "seconds": plan.seconds}
            | {"workers": plan.workers, "identities": IDENTITIES},
            "rows": summarise(samples),
            "errors": sum(_errors(s) for group in samples.values() for s in group)
            + _errors(warm_up),
            "parity": books.as_json(),
        }
    plan.output.parent.mkdir(parents=True, exist_ok=True)
    plan.output.write_text(json.dumps(result, indent=2, default=str) + "\n")
    print_report(result)
    sys.exit(0 if books.is_exact and not result["errors"] else 1)


def run_load(
    installation: Installation, *, connections: int, seconds: float, identities: int
) -> Sample:
    """Load the product from a process of its own."""
    return _load(
        *("--port", installation.port, "--token", TOKEN),
        *("--connections", connections, "--seconds", seconds),
        *("--identities", identities),
    )


def _load(*options: object) -> Sample:
    command = [sys.executable, "-m", "bench.load", *map(str, options)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True)
    return dict(json.loads(done.stdout))


def _rows(installation: Installation, seconds: float) -> dict[str, Measure]:
    """Return what is measured, in the order of one round."""
    alone = ("--port", installation.upstream_port, "--path", "/v1/chat/completions")
    return {
        "upstream alone": lambda n: _load(
            *alone, "--connections", n, "--seconds", seconds
        ),
        "governed, spread": lambda n: run_load(
            installation, connections=n, seconds=seconds, identities=IDENTITIES
        ),
        "governed, one hot": lambda n: run_load(
            installation, connections=n, seconds=seconds, identities=1
        ),
        "pgbench, spread": lambda n: run_pgbench(
            clients=n, seconds=seconds, identities=IDENTITIES
        ),
        "pgbench, one hot": lambda n: run_pgbench(
            clients=n, seconds=seconds, identities=1
        ),
    }


def _measure(
    installation: Installation, plan: Plan, rows: dict[str, Measure]
) -> dict[tuple[str, int], list[Sample]]:
    samples: dict[tuple[str, int], list[Sample]] = defaultdict(list)
    for _ in range(plan.rounds):
        for connections in plan.connections:
            for name, measure in rows.items():
                sample = _watch(installation, lambda m=measure, n=connections: m(n))
                samples[name, connections].append(sample)
    return samples


def _watch(installation: Installation, measure: Callable[[], Sample]) -> Sample:
    """Add the CPU that server and database used meanwhile, in µs per call."""
    roots = {
        "server_cpu_us": installation.server_pid,
        "postgres_cpu_us": installation.postmaster_pid,
    }
    before = {name: cpu_of_tree_s(pid) for name, pid in roots.items()}
    stolen = stolen_s()
    sample = measure()
    calls = max(sample["calls"], 1)
    used = {
        name: 1e6 * (cpu_of_tree_s(pid) - before[name]) / calls
        for name, pid in roots.items()
    }
    return sample | used | {"stolen_s": stolen_s() - stolen}


def _governed(samples: dict[tuple[str, int], list[Sample]]) -> list[Sample]:
    return [
        sample
        for (name, _), group in samples.items()
        for sample in group
        if name.startswith("governed")
    ]


def _errors(sample: Sample) -> int:
    return sum(n for status, n in sample["statuses"].items() if status != "200")


def _read_plan() -> Plan:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--connections", default="1,16,64")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--output", type=Path, default=RESULT)
    parser.add_argument("--quick", action="store_true", help="one short round")
    options = parser.parse_args()
    connections = tuple(int(number) for number in options.connections.split(","))
    if options.quick:
        return Plan(1, 1, connections[:2], options.workers, options.output)
    return Plan(
        options.rounds, options.seconds, connections, options.workers, options.output
    )


if __name__ == "__main__":
    main()
