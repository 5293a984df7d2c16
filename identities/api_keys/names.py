"""The words of the v2 API for what keys are made of, in both of its spellings."""

from __future__ import annotations

from identities.models import ApiKey
from identities.rights import LEVELS

LONG_MODES = {mode: f"PERMISSION_MODE_{mode.upper()}" for mode in ApiKey.PermissionMode}
MODES = {name: mode for mode, long in LONG_MODES.items() for name in (mode, long)}

LONG_STATUSES = {status: f"API_KEY_STATUS_{status.upper()}" for status in ApiKey.Status}
STATUSES = {
    name: status for status, long in LONG_STATUSES.items() for name in (status, long)
}

LEVEL_NUMBERS = {name: number for number, name in enumerate(LEVELS, start=1)}
"""How clients before 4.14 say a level: the number of the enum on the API's side."""
LEVEL_NAMES: dict[object, str] = {
    **{name: name for name in LEVELS},
    **{f"ACCESS_LEVEL_{name.upper()}": name for name in LEVELS},
    **{number: name for name, number in LEVEL_NUMBERS.items()},
}

SCOPE_ALL, SCOPE_SINGLE = "all", "single"
SCOPE_MODES = {
    name: mode
    for mode in (SCOPE_ALL, SCOPE_SINGLE)
    for name in (mode, f"PROJECT_SCOPE_MODE_{mode.upper()}")
}
SERVICE_ACCOUNT, USER = "service_account", "user"
