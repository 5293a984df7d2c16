"""Where the embedded PostgreSQL keeps its data and its socket, and who may enter."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from orqstudio.lib import postgres_programs
from orqstudio.lib.postgres_programs import MAJOR, EmbeddedPostgresError


def cluster_dir(data_dir: Path) -> Path:
    """Return where the cluster of a data directory is; it names the major version."""
    return data_dir / "postgres" / str(MAJOR)


def socket_dir(data_dir: Path) -> Path:
    """Return the socket's private directory: short, as its path ends at 100 bytes."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:16]
    return Path(f"/tmp/orqstudio-{user}-{name}")  # noqa: S108  ownership is checked


def prepare(data_dir: Path) -> Path:
    """Create what is missing, owned by and open to the right user; return the home.

    Only that user gets in. For root this is `pgserver`; its group may pass
    through the data directory (0710), where everything else is root's alone.
    """
    home, sockets = data_dir / "postgres", socket_dir(data_dir)
    data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    data_dir.chmod(0o700)
    for directory in (home, sockets):
        directory.mkdir(mode=0o700, exist_ok=True)
    owner = postgres_programs.find_owner()
    _refuse_foreign(sockets, {os.geteuid(), owner.uid if owner else os.geteuid()})
    if owner:
        postgres_programs.make_reachable(data_dir)
        os.chown(data_dir, -1, owner.gid)
        data_dir.chmod(0o710)
        for directory in (home, sockets):
            os.chown(directory, owner.uid, owner.gid)
    sockets.chmod(0o700)
    return home


def _refuse_foreign(directory: Path, owners: set[int]) -> None:
    """Anyone can create names in /tmp: ours must be a directory, and our own."""
    facts = directory.lstat()
    if directory.is_symlink() or facts.st_uid not in owners:
        message = f"{directory} belongs to another user; remove it to start."
        raise EmbeddedPostgresError(message)


def refuse_other_major(home: Path) -> None:
    """Stop where only another major version's cluster is found; a minor one is fine.

    Raises:
        EmbeddedPostgresError: with what to do.
    """
    found = sorted(path.name for path in home.iterdir() if path.name.isdigit())
    if found and str(MAJOR) not in found:
        message = (
            f"{home} was made by PostgreSQL {found[-1]} and this version brings "
            f"{MAJOR}; dump it with the old version, load it with the new one, or set "
            "DATABASE_URL."
        )
        raise EmbeddedPostgresError(message)
