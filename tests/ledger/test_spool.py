"""The spool: settlements on disk, read back exactly, by one process at a time."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import replace
from decimal import Decimal
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metering.calls import Status
from metering.ledger.requests import Settle
from metering.ledger.spool import Spool
from metering.pricing import Tokens
from orqstudio.lib import ids
from tests.ledger.kit import make_call, outcome
from tests.serving import ROOT

ANYBODY = SimpleNamespace(pk=ids.new_id())


def make_settle(usd="0.5", **facts):
    return Settle(make_call(ANYBODY), outcome(usd, **facts))


@pytest.fixture
def spool(tmp_path):
    made = Spool(tmp_path / "spool")
    yield made
    made.close()


def files(tmp_path, suffix="jsonl"):
    return sorted((tmp_path / "spool").glob(f"*.{suffix}"))


ends = st.builds(
    outcome,
    st.none() | st.decimals(0, 10**9, places=10),
    st.builds(Tokens, *[st.integers(0, 10**9)] * 4),
    status=st.sampled_from(Status),
    metadata=st.dictionaries(st.text(max_size=9), st.text(max_size=9), max_size=3),
)


@given(end=ends, key=st.none() | st.uuids())
def test_what_is_written_is_what_is_read(tmp_path_factory, end, key):
    spool = Spool(tmp_path_factory.mktemp("spool"))
    call = replace(make_call(ANYBODY, "zoë"), api_key_id=key)

    spool.append([Settle(call, end)])

    (left,) = spool.take()
    assert left.settles == [Settle(call, end)]
    assert not left.is_damaged


def test_settlements_come_back_in_their_order_until_they_are_discarded(tmp_path, spool):
    settles = [make_settle(Decimal(i)) for i in range(5)]
    spool.append(settles[:2])
    spool.append(settles[2:])

    (left,) = spool.take()
    (again,) = spool.take()
    spool.discard(left.path)

    assert left.settles == again.settles == settles
    assert spool.take() == []
    assert files(tmp_path) == []


def test_the_files_are_private(tmp_path, spool):
    spool.append([make_settle()])

    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700
    assert files(tmp_path)[0].stat().st_mode & 0o777 == 0o600


def test_half_a_line_is_dropped_and_the_whole_ones_are_kept(tmp_path, spool):
    """Its caller was never answered, so nobody relies on it."""
    settle = make_settle()
    spool.append([settle, make_settle()])
    spool.close()
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])

    (left,) = spool.take()

    assert left.settles == [settle]
    assert not left.is_damaged


@pytest.mark.parametrize("rubbish", [b"rubbish\n", b"{}\n", b"[]\n", b"\xff\xfe\n"])
def test_a_damaged_line_does_not_keep_the_others_from_being_replayed(
    tmp_path, spool, rubbish
):
    settles = [make_settle(), make_settle()]
    spool.append(settles)
    spool.close()
    (path,) = files(tmp_path)
    first, second = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + rubbish + second)

    (left,) = spool.take()
    spool.set_aside(left.path)

    assert left.settles == settles
    assert left.is_damaged
    assert spool.take() == []
    assert len(files(tmp_path, "refused")) == 1


def test_a_write_that_fails_leaves_no_half_line_behind(tmp_path, spool, monkeypatch):
    """C3: the disk is full in the middle of a line."""
    settle = make_settle()
    spool.append([settle])
    write = os.write

    def write_half_then_fail(file, data):
        if len(data) < 20:
            raise OSError(28, "No space left on device")
        return write(file, data[: len(data) // 2])

    with monkeypatch.context() as patch:
        patch.setattr("metering.ledger.spool.os.write", write_half_then_fail)
        with pytest.raises(OSError, match="space"):
            spool.append([make_settle()])
    spool.append([settle])

    (left,) = spool.take()
    assert left.settles == [settle, settle]
    assert not left.is_damaged


_OTHER_PROCESS = """
import sys
from pathlib import Path
from metering.ledger.spool import Spool
spool = Spool(Path(sys.argv[1]))
spool._open()
spool._path.write_text(sys.stdin.readline())
print("open", flush=True)
sys.stdin.readline()
"""


def test_the_file_of_a_live_process_is_left_to_it_and_a_dead_ones_is_taken_over(
    tmp_path, spool
):
    """C1, C2: what a killed process spooled is not lost."""
    settle = make_settle()
    spool.append([settle])
    spool.close()
    (path,) = files(tmp_path)
    line = path.read_text()
    path.unlink()
    other = subprocess.Popen(
        [sys.executable, "-c", _OTHER_PROCESS, str(tmp_path / "spool")],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with other:
        other.stdin.write(line)
        other.stdin.flush()
        assert other.stdout.readline() == "open\n"
        assert spool.take() == []

        other.kill()

    (left,) = spool.take()
    assert left.settles == [settle]


def test_a_file_that_another_process_has_just_replayed_is_passed_by(spool, monkeypatch):
    spool.append([make_settle()])
    (left,) = spool.take()
    spool.discard(left.path)

    class Stale:
        """A directory listing that still shows the file."""

        def glob(self, _pattern):
            return [left.path]

    monkeypatch.setattr(spool, "_directory", Stale())

    assert spool.take() == []
    spool.set_aside(left.path)  # nothing there is nothing to do


def test_lines_hold_money_as_text(tmp_path, spool):
    """D10: no binary float on the way."""
    spool.append([make_settle("0.1000000001")])

    line = json.loads(files(tmp_path)[0].read_text())

    assert line["outcome"]["cost_usd"] == "0.1000000001"
