"""What an API key may do: a level for each resource. Pure; both rooms ask here.

`read` shows, `write` shows and changes. Making a metered call is a write on `calls`,
because it spends. A key that is bound to an identity, or to a prefix of external_ids,
makes calls and nothing else, whatever its mode: whoever a budget limits must not lift
it, nor read everybody's profile.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum

ALL, READ_ONLY, RESTRICTED = "all", "read_only", "restricted"
"""The permission modes."""


class Resource(StrEnum):
    """What rights are about; the values are the keys of a key's `access`."""

    IDENTITIES = "identities"
    BUDGETS = "budgets"
    API_KEYS = "api_keys"
    REPORTING = "reporting"
    CALLS = "calls"


class Level(IntEnum):
    """How far a right goes; each holds the ones before it."""

    NONE = 0
    READ = 1
    WRITE = 2


Rights = Mapping[Resource, Level]
LEVELS = {level.name.lower(): level for level in Level}
"""The names in a key's `access`."""


def read_rights(mode: str, access: Mapping[str, str], *, is_bound: bool) -> Rights:
    """Return the level of every resource; an unknown mode or level grants nothing.

    Args:
        mode: one of the permission modes.
        access: resource -> name of a level; read for `restricted` alone.
        is_bound: whether the key is bound to an identity or a prefix.
    """
    return {
        resource: Level.NONE
        if is_bound and resource is not Resource.CALLS
        else level_of(mode, access, resource)
        for resource in Resource
    }


def covers(own: Rights, other: Rights) -> bool:
    """Tell whether `own` goes at least as far as `other` everywhere."""
    return all(own[resource] >= level for resource, level in other.items())


def level_of(mode: str, access: Mapping[str, str], resource: Resource) -> Level:
    """Return the level of one resource, a binding aside: that leaves calls alone."""
    if mode == ALL:
        return Level.WRITE
    if mode == READ_ONLY:
        return Level.READ
    if mode == RESTRICTED:
        return LEVELS.get(access.get(resource, ""), Level.NONE)
    return Level.NONE
