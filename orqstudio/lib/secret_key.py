"""The key that signs sessions, generated once into the data directory."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

from orqstudio.lib.env import BadSettingError

LEAST_LENGTH = 40


def load_or_create(data_dir: Path) -> str:
    """Return the key in `data_dir/secret_key`; create it (0600) when there is none.

    Raises:
        BadSettingError: the file is shorter than a safe key or cannot be written.
    """
    path = data_dir / "secret_key"
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path)
        key = path.read_text(encoding="ascii").strip()
    except OSError as error:
        message = f"The data directory {data_dir} cannot be used: {error}."
        raise BadSettingError(message) from error
    if len(key) < LEAST_LENGTH:
        message = f"{path} holds fewer than {LEAST_LENGTH} characters; delete it."
        raise BadSettingError(message)
    return key


def _create(path: Path) -> None:
    """Write a fresh key unless the file exists; a hard link makes it appear whole."""
    if path.exists():
        return
    draft = path.with_name(f".secret_key.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text(secrets.token_urlsafe(50), encoding="ascii")
    try:
        os.link(draft, path)
    except FileExistsError:
        pass  # another process of the same start was first; its key holds
    finally:
        draft.unlink()
