"""Typed readers of the environment; every knob read is remembered in `KNOBS`.

A wrong value stops the start with one sentence that names the variable. Each
variable can also come from a file named by `NAME_FILE` (container secrets).
"""

from __future__ import annotations

import os
from pathlib import Path

KNOBS: dict[str, str] = {}
"""Name of every variable read so far -> its default as text; docs are held to it."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


class BadSettingError(ValueError):
    """An environment variable holds a value that cannot be used."""


def env_str(name: str, default: str = "") -> str:
    """Return the variable, else the content of the file `NAME_FILE` names.

    Raises:
        BadSettingError: `NAME_FILE` names a file that cannot be read.
    """
    KNOBS[name] = default
    if name in os.environ:
        return os.environ[name].strip()
    file_name = os.environ.get(f"{name}_FILE")
    if not file_name:
        return default
    try:
        return Path(file_name).read_text(encoding="utf-8").strip()
    except OSError as error:
        message = f"{name}_FILE names {file_name}, which cannot be read: {error}."
        raise BadSettingError(message) from error


def env_bool(name: str, *, default: bool) -> bool:
    """Return true for 1/true/yes/on, false for 0/false/no/off; refuse the rest."""
    text = env_str(name, "true" if default else "false").lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    message = f"{name} must be true or false, not {text!r}."
    raise BadSettingError(message)


def env_int(name: str, default: int, *, least: int = 0, most: int = 2**31) -> int:
    """Return a whole number in [least, most]."""
    text = env_str(name, str(default))
    try:
        value = int(text)
    except ValueError:
        value = least - 1
    if not least <= value <= most:
        message = f"{name} must be a whole number from {least} to {most}, not {text!r}."
        raise BadSettingError(message)
    return value


def env_float(name: str, default: float, *, least: float, most: float) -> float:
    """Return a number in [least, most]; used for seconds."""
    text = env_str(name, f"{default:g}")
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not least <= value <= most:
        message = f"{name} must be a number from {least:g} to {most:g}, not {text!r}."
        raise BadSettingError(message)
    return value


def env_list(name: str, default: str = "") -> list[str]:
    """Return the comma-separated parts, trimmed, without empty ones."""
    return [part.strip() for part in env_str(name, default).split(",") if part.strip()]


def env_choice(name: str, *choices: str) -> str:
    """Return one of the choices, the first without the variable; refuse the rest."""
    text = env_str(name, choices[0]).lower()
    if text in choices:
        return text
    message = f"{name} must be one of {', '.join(choices)}, not {text!r}."
    raise BadSettingError(message)


def env_path(name: str, default: Path) -> Path:
    """Return an absolute path; `~` is expanded."""
    return Path(env_str(name, str(default))).expanduser().resolve()
