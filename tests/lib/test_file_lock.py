"""Locks between processes, and that they die with their holder."""

from __future__ import annotations

import subprocess
import sys

from orqstudio.lib.file_lock import FileLock

HOLDER = """
import sys
from pathlib import Path
from orqstudio.lib.file_lock import FileLock
lock = FileLock(Path(sys.argv[1])).acquire()
print("held", flush=True)
sys.stdin.read()
"""


def test_a_lock_held_elsewhere_cannot_be_taken_until_its_holder_is_killed(tmp_path):
    path = tmp_path / "lock"
    command = [sys.executable, "-c", HOLDER, str(path)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert not FileLock(path).try_acquire()

        holder.kill()
        holder.wait()

        assert FileLock(path).try_acquire()


def test_a_lock_is_shared_until_one_wants_it_alone(tmp_path):
    first, second, third = (FileLock(tmp_path / "lock") for _ in range(3))
    first.share()
    second.share()
    assert not third.try_acquire()

    first.release()
    second.release()

    assert third.try_acquire()


def test_releasing_twice_is_releasing_once(tmp_path):
    with FileLock(tmp_path / "lock") as lock:
        lock.release()

    assert FileLock(tmp_path / "lock").try_acquire()
