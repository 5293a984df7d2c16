"""API tokens: read from a header, hashed, made. Pure; both rooms use it."""

from __future__ import annotations

import hashlib
import re
import secrets
from typing import TYPE_CHECKING

from orqstudio.lib import ids

if TYPE_CHECKING:
    from uuid import UUID

_BEARER = re.compile(r"bearer[ \t]+(.*)", re.IGNORECASE | re.DOTALL)
_USABLE = re.compile(r"[!-~]{1,512}")
_PREFIX = "sk-orq-"
_SHOWN_MOST = 8


def read_bearer(header: str | None) -> str | None:
    """Return the token of an Authorization header, or None when there is none.

    One trailing colon is dropped: a documented curl line of the API sends it.
    """
    match = _BEARER.fullmatch((header or "").strip())
    if match is None:
        return None
    return match[1].strip().removesuffix(":").strip() or None


def hash_token(token: str) -> bytes:
    """Return the SHA-256 of the whole token; only this is ever kept."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def new_token(key_id: UUID) -> str:
    """Return a fresh `sk-orq-<key id>-<secret>` with 256 bits of secret."""
    return f"{_PREFIX}{ids.show(key_id)}-{secrets.token_hex(32)}"


def is_usable(token: str) -> bool:
    """Whether the token arrives in a header as it was given."""
    return bool(_USABLE.fullmatch(token)) and not token.endswith(":")


def shown_prefix(token: str) -> str:
    """Return what may be shown of a token: never more than a quarter of a secret."""
    own = re.fullmatch(rf"({_PREFIX}[0-9A-Z]{{{ids.LENGTH}}})-.*", token)
    return own[1] if own else token[: min(_SHOWN_MOST, len(token) // 4)]
