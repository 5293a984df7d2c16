"""CPU time of processes, from /proc: of a tree, and of the machine."""

from __future__ import annotations

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PARENT, _USER, _SYSTEM, _USER_OF_DEAD, _SYSTEM_OF_DEAD = 1, 11, 12, 13, 14
_STEAL = 7


def cpu_of_tree_s(root: int) -> float:
    """Return CPU seconds of a process and all its descendants, ended ones included.

    A child that has ended and was waited for is in its parent's share, so the
    figure never shrinks.
    """
    fields = _all_processes()
    members, found = {root}, True
    while found:
        found = {
            pid
            for pid, values in fields.items()
            if int(values[_PARENT]) in members and pid not in members
        }
        members |= found
    return sum(_ticks(fields[pid]) for pid in members if pid in fields) / _TICKS_PER_S


def stolen_s() -> float:
    """Return seconds that the hypervisor kept the machine's cores from us so far."""
    first = Path("/proc/stat").read_text("ascii").splitlines()[0]
    return int(first.split()[1 + _STEAL]) / _TICKS_PER_S


def _all_processes() -> dict[int, list[str]]:
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                text = (entry / "stat").read_text("utf-8", "replace")
            except OSError:
                continue  # it has just ended
            found[int(entry.name)] = text.rpartition(")")[2].split()
    return found


def _ticks(fields: list[str]) -> int:
    wanted = (_USER, _SYSTEM, _USER_OF_DEAD, _SYSTEM_OF_DEAD)
    return sum(int(fields[position]) for position in wanted)
