"""What older generations of the official clients need, told by their User-Agent.

Every rule of ours that looks at the client is here; all else is the same for all.
The version steps are those of the contract, section 2; both languages took them
together.
"""

from __future__ import annotations

import re

_SDK = re.compile(
    r"speakeasy-sdk/(?:python|typescript) (\d{1,6})\.(\d{1,6})\.", re.ASCII
)

WRAPPED_SINCE = (4, 10)
"""From here on records come wrapped, deletes answer 200, metrics are optional."""
METADATA_KEPT_SINCE = (4, 13)
KEYS_FLAT_SINCE = (4, 13)
"""Until here, from 4.10 on, keys are listed in pages and deletes of them answer 200."""
ENUMS_NAMED_SINCE = (4, 14)
ORQ_PROVIDER_SINCE = WRAPPED_SINCE
"""Somewhere between 4.5 and 4.9 `orq` entered the closed list of providers."""
CONTACTS_UPSERTED_SINCE = (4, 2)
"""From here until `WRAPPED_SINCE` a contact is created or updated by one POST."""
BUDGETS_V1_UNTIL = (4, 1)
"""Before it, budgets are flat and have a type; then clients knew none until 4.11."""


def read_generation(user_agent: str) -> tuple[int, int] | None:
    """Return (major, minor) of the official client, None for everybody else."""
    match = _SDK.match(user_agent)
    return (int(match[1]), int(match[2])) if match else None


def expects_no_content(user_agent: str) -> bool:
    """Whether a delete must answer 204: newer clients want 200 with `{}`."""
    return _is_before(user_agent, WRAPPED_SINCE)


def requires_metrics(user_agent: str) -> bool:
    """Whether a list item without `metrics` fails to parse."""
    return _is_before(user_agent, WRAPPED_SINCE)


def loses_metadata(user_agent: str) -> bool:
    """Whether an empty `metadata` says nothing: 4.10 to 4.12 always send it."""
    generation = read_generation(user_agent)
    return generation is not None and (
        WRAPPED_SINCE <= generation < METADATA_KEPT_SINCE
    )


def knows_provider_orq(user_agent: str) -> bool:
    """Whether an invocation may say that provider `orq` answered it."""
    return not _is_before(user_agent, ORQ_PROVIDER_SINCE)


def upserts_contacts(user_agent: str) -> bool:
    """Whether POST /v2/contacts updates one that exists, and answers 200."""
    generation = read_generation(user_agent)
    return generation is not None and (
        CONTACTS_UPSERTED_SINCE <= generation < WRAPPED_SINCE
    )


def speaks_budgets_v1(user_agent: str) -> bool:
    """Whether budgets go in and out in the form before v2."""
    return _is_before(user_agent, BUDGETS_V1_UNTIL)


def speaks_first_keys(user_agent: str) -> bool:
    """Whether a list of keys is a page, and deleting one answers 200 with `{}`."""
    generation = read_generation(user_agent)
    return generation is not None and (WRAPPED_SINCE <= generation < KEYS_FLAT_SINCE)


def reads_enum_numbers(user_agent: str) -> bool:
    """Whether the catalog of capabilities says its enums by their numbers."""
    return _is_before(user_agent, ENUMS_NAMED_SINCE)


def _is_before(user_agent: str, version: tuple[int, int]) -> bool:
    generation = read_generation(user_agent)
    return generation is not None and generation < version
