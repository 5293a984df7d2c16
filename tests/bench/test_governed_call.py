"""The benchmark's own promise: it loads the real product and checks its books."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.serving import PATIENCE_S, ROOT


@pytest.mark.slow
def test_a_quick_run_has_no_errors_and_leaves_books_that_agree(tmp_path):
    output = tmp_path / "governed_call.json"
    command = [sys.executable, "-m", "bench.governed_call", "--quick"]
    done = subprocess.run(
        [*command, "--output", str(output)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    result = json.loads(output.read_text())
    rows = {row["row"] for row in result["rows"]}
    assert rows >= {"upstream alone", "governed, spread", "pgbench, spread"}
    assert result["errors"] == 0
    books = result["parity"]
    assert books["answers"] > 0
    assert books["events"] == books["daily_requests"] == books["answers"]
    assert books["events_cost_usd"] == books["expected_cost_usd"]
    assert books["is_exact"]
