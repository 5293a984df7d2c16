"""Whom a call belongs to (contract 5), and what it says of them.

Order: the identity an API key is bound to, which nothing in a request overrules;
`identity` in the body, `orq.identity`, the deprecated `contact` and `orq.contact`;
X-ORQ-IDENTITY-ID; the deprecated X-ORQ-CONTACT-ID and `contactid`; the key's owner. A
body's identity also creates or updates the record; a header only tags the call. With a
key bound to a prefix, what was found must begin with it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from identities.models import EXTERNAL_ID_COLUMN
from metering.gateway.errors import GatewayError, bad_request
from metering.gateway.store import Kept, Store
from orqstudio.lib import ids

if TYPE_CHECKING:
    from collections.abc import Mapping

HEADERS = (b"x-orq-identity-id", b"x-orq-contact-id", b"contactid")
METADATA_MAX = 20
TEXT_MAX = {"display_name": 255, "email": 320, "logo_url": 2048}
TAGS_MAX, TAG_LENGTH = 50, 120

_UPSERT = """
INSERT INTO identity (id, workspace_id, external_id, display_name, email, avatar_url,
    tags, metadata, source)
VALUES (%(id)s, %(workspace_id)s, %(external_id)s, coalesce(%(display_name)s, ''),
    coalesce(%(email)s, ''), coalesce(%(avatar_url)s, ''),
    coalesce(%(tags)s::varchar[], '{}'), coalesce(%(metadata)s::jsonb, '{}'), 'call')
ON CONFLICT (workspace_id, external_id) DO UPDATE SET
    display_name = coalesce(%(display_name)s, identity.display_name),
    email = coalesce(%(email)s, identity.email),
    avatar_url = coalesce(%(avatar_url)s, identity.avatar_url),
    tags = coalesce(%(tags)s::varchar[], identity.tags),
    metadata = coalesce(%(metadata)s::jsonb, identity.metadata),
    updated_at = now()
WHERE (coalesce(%(display_name)s, identity.display_name),
       coalesce(%(email)s, identity.email),
       coalesce(%(avatar_url)s, identity.avatar_url),
       coalesce(%(tags)s::varchar[], identity.tags),
       coalesce(%(metadata)s::jsonb, identity.metadata))
    IS DISTINCT FROM (identity.display_name, identity.email, identity.avatar_url,
       identity.tags, identity.metadata)
"""


@dataclass(frozen=True, slots=True)
class Profile:
    """What a body says of its identity; None: not said."""

    display_name: str | None = None
    email: str | None = None
    avatar_url: str | None = None
    tags: tuple[str, ...] | None = None
    metadata: str | None = None


@dataclass(frozen=True, slots=True)
class Attribution:
    """`external_id` empty: unattributed. `profile` None: no record is touched."""

    external_id: str
    profile: Profile | None = None


def attribute(
    body: Mapping[str, Any],
    headers: Mapping[bytes, bytes],
    bound_external_id: str,
    *,
    prefix: str = "",
    owner: str = "",
) -> Attribution:
    """Return whom the call belongs to.

    Args:
        body: of the request.
        headers: of the request, names in lower case.
        bound_external_id: whose all calls of the key are; empty: whoever they name.
        prefix: what an identity must begin with for this key; empty: anything.
        owner: whose calls of the key are that name nobody; empty: nobody's.

    Raises:
        GatewayError: 400, an identity that cannot be kept, or none where the key
            needs one; 403, one outside the key's prefix.
    """
    named = _named_in_body(body)
    if bound_external_id:
        is_own = named is not None and named.external_id == bound_external_id
        return named if is_own and named else Attribution(bound_external_id)
    named = named or _named_in_header(headers)
    if not named.external_id:
        named = Attribution(owner)
    if not named.external_id.startswith(prefix):
        raise _outside(named.external_id, prefix)
    return named


class Profiles:
    """Writes what calls say of identities; the same words once in a second only."""

    def __init__(self, store: Store) -> None:
        """Begin with nothing written."""
        self._store = store
        self._kept: Kept[object] = Kept()

    async def upsert(self, workspace_id: UUID, attribution: Attribution) -> None:
        """Create or update the record of a body's identity.

        Raises:
            GatewayError: 503 without a database.
        """
        profile = attribution.profile
        if profile is None:
            return
        params = {
            "id": ids.new_id(),
            "workspace_id": workspace_id,
            "external_id": attribution.external_id,
            "display_name": profile.display_name,
            "email": profile.email,
            "avatar_url": profile.avatar_url,
            "tags": None if profile.tags is None else list(profile.tags),
            "metadata": profile.metadata,
        }
        await self._kept.get(
            (workspace_id, attribution), lambda: self._store.run(_UPSERT, params)
        )


def _outside(external_id: str, prefix: str) -> GatewayError:
    """Return the refusal of a call that names nobody, or somebody out of reach."""
    needed = f"identities whose id begins with {prefix!r}"
    if not external_id:
        message = f"This API key makes calls for {needed}; name one."
        return bad_request("identity_required", message)
    message = f"This API key makes calls for {needed} only."
    return GatewayError(403, "identity_not_allowed", message)


def _named_in_body(body: Mapping[str, Any]) -> Attribution | None:
    inner = {} if body.get("orq") is None else body["orq"]
    if not isinstance(inner, dict):
        raise bad_request("invalid_identity", "orq must be an object.")
    places = (
        body.get("identity"),
        inner.get("identity"),
        body.get("contact"),
        inner.get("contact"),
    )
    named = [_read_identity(place) for place in places if place is not None]
    return named[0] if named else None


def _read_identity(value: object) -> Attribution:
    if not isinstance(value, dict):
        raise bad_request("invalid_identity", "identity must be an object with an id.")
    external_id = _check_external_id(value.get("id"))
    texts = {name: _read_text(value, name) for name in TEXT_MAX}
    profile = Profile(
        display_name=texts["display_name"],
        email=texts["email"],
        avatar_url=texts["logo_url"],
        tags=_read_tags(value.get("tags")),
        metadata=_read_metadata(value.get("metadata")),
    )
    return Attribution(external_id, profile)


def _check_external_id(value: object) -> str:
    text = value.strip() if isinstance(value, str) else ""
    if not 1 <= len(text) <= EXTERNAL_ID_COLUMN or not text.isprintable():
        message = (
            f"An identity's id is a text of 1 to {EXTERNAL_ID_COLUMN} printable "
            "characters."
        )
        raise bad_request("invalid_identity", message)
    return text


def _read_text(value: Mapping[str, Any], name: str) -> str | None:
    text = value.get(name)
    if text is None:
        return None
    if not isinstance(text, str) or len(text) > TEXT_MAX[name]:
        message = (
            f"identity.{name} must be a text of at most {TEXT_MAX[name]} characters."
        )
        raise bad_request("invalid_identity", message)
    return text


def _read_tags(value: object) -> tuple[str, ...] | None:
    if value is None:
        return None
    tags = value if isinstance(value, list) else [None]
    is_fine = all(isinstance(tag, str) and 1 <= len(tag) <= TAG_LENGTH for tag in tags)
    if not is_fine or len(tags) > TAGS_MAX:
        message = (
            f"identity.tags must be at most {TAGS_MAX} texts of 1 to {TAG_LENGTH}."
        )
        raise bad_request("invalid_identity", message)
    return tuple(dict.fromkeys(tags))


def _read_metadata(value: object) -> str | None:
    """Return JSON of one object; the SDKs send a list of objects, merged in order."""
    if value is None:
        return None
    parts = value if isinstance(value, list) else [value]
    merged: dict[str, Any] = {}
    for part in parts:
        if not isinstance(part, dict):
            raise bad_request("invalid_identity", "identity.metadata must be objects.")
        merged |= part
    if len(merged) > METADATA_MAX:
        message = f"identity.metadata has more than {METADATA_MAX} fields."
        raise bad_request("invalid_identity", message)
    return json.dumps(merged)


def _named_in_header(headers: Mapping[bytes, bytes]) -> Attribution:
    for name in HEADERS:
        raw = headers.get(name, b"").strip()
        if raw:
            return Attribution(_check_external_id(_decode(raw)))
    return Attribution("")


def _decode(raw: bytes) -> str:
    """Return the text; clients send UTF-8 or, older ones, Latin-1."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return raw.decode("latin-1")
