"""What can go wrong with workspaces, keys and identities."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from orqstudio.lib.errors import DomainError, Kind


class IdentitiesError(DomainError):
    """Base of this app's errors."""


class IdentityNotFound(IdentitiesError):
    """No such identity in the caller's workspace; it may exist in another."""

    kind = Kind.NOT_FOUND
    code = "identity_not_found"
    sentence = _("No identity has this _id or external_id.")


class ExternalIdTaken(IdentitiesError):
    """The workspace has an identity with this external_id."""

    kind = Kind.CONFLICT
    code = "external_id_taken"
    sentence = _("An identity with external_id %(external_id)s exists already.")

    def __init__(self, external_id: str) -> None:
        super().__init__(external_id)
        self.external_id = external_id


class SlugTaken(IdentitiesError):
    """A workspace with this slug exists."""

    kind = Kind.CONFLICT
    code = "slug_taken"
    sentence = _("A workspace named %(slug)s exists already.")

    def __init__(self, slug: str) -> None:
        super().__init__(slug)
        self.slug = slug


class TokenUnusable(IdentitiesError):
    """A token that no Authorization header could carry unchanged."""

    code = "token_unusable"
    sentence = _(
        "An API key is 1 to 512 visible ASCII characters without spaces "
        "and does not end with a colon."
    )


class TokenTaken(IdentitiesError):
    """Another API key, perhaps of another workspace, has the same token."""

    kind = Kind.CONFLICT
    code = "token_taken"
    sentence = _("This API key exists already.")


class ApiKeyInvalid(IdentitiesError):
    """Unknown, revoked and expired keys are told alike."""

    kind = Kind.UNAUTHENTICATED
    code = "api_key_invalid"
    sentence = _("API key is not valid for this workspace")


class ApiKeyMissing(IdentitiesError):
    """The request names no key at all."""

    kind = Kind.UNAUTHENTICATED
    code = "api_key_missing"
    sentence = _("No API key was given; send Authorization: Bearer <your-api-key>.")


class NotAuthorized(IdentitiesError):
    """The key may make calls but not manage; the wording is the API's own."""

    kind = Kind.FORBIDDEN
    code = "not_authorized"
    sentence = _("not authorized for this endpoint")
