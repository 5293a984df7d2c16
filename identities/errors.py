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


class ApiKeyNotFound(IdentitiesError):
    """No such key in the caller's workspace; it may exist in another."""

    kind = Kind.NOT_FOUND
    code = "api_key_not_found"
    sentence = _("No API key has this id.")


class ApiKeyRevoked(IdentitiesError):
    """A revoked key stays revoked and as it is."""

    code = "api_key_revoked"
    sentence = _("A revoked API key cannot be changed.")


class AccessMissing(IdentitiesError):
    """A restricted key without any right would be good for nothing."""

    code = "access_missing"
    sentence = _("A restricted API key needs access to at least one resource.")


class AccessUnused(IdentitiesError):
    """Rights by resource say nothing unless the key is restricted."""

    code = "access_unused"
    sentence = _("access is for API keys with permission_mode restricted alone.")


class BoundTwice(IdentitiesError):
    """A key is bound to one identity or to a prefix."""

    code = "bound_twice"
    sentence = _("An API key is bound to one identity or to a prefix, not to both.")


class OwnerOutsidePrefix(IdentitiesError):
    """Calls that name nobody would all be refused."""

    code = "owner_outside_prefix"
    sentence = _("The owner of an API key must begin with the prefix it is bound to.")


class RightsExceeded(IdentitiesError):
    """Otherwise a key that manages keys could take any right."""

    kind = Kind.FORBIDDEN
    code = "rights_exceeded"
    sentence = _("An API key manages only keys with no more rights than its own.")
