"""Workspace, Membership, ApiKey, ApiKeySecret, Identity: the tables of who."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models.functions import Length, Now
from django.utils.translation import gettext_lazy as _

from identities.rights import ALL, READ_ONLY, RESTRICTED, Rights, read_rights
from orqstudio.lib import ids

EXTERNAL_ID_MAX = 120
"""Longest external_id the API creates (contract 3.1)."""
EXTERNAL_ID_COLUMN = 255
"""Longest external_id a metered call may name (contract 5.2)."""
PROJECT_ID_MAX = 120

models.CharField.register_lookup(Length)


class Workspace(models.Model):
    """A tenant; every other row belongs to exactly one."""

    class UnpricedModel(models.TextChoices):
        """What happens to a call of a model without a price under a USD budget."""

        REFUSE = "refuse", _("Refuse the call")
        ALLOW = "allow", _("Allow it and flag its cost as unknown")

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    slug = models.SlugField(max_length=60, unique=True)
    name = models.CharField(max_length=120)
    unpriced_model = models.CharField(
        max_length=8, choices=UnpricedModel, default=UnpricedModel.REFUSE
    )
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "workspace"
        db_table_comment = "A tenant; every other row belongs to exactly one."
        ordering: ClassVar = ["slug"]

    def __str__(self) -> str:
        return self.name

    @property
    def public_id(self) -> str:
        """The 26 characters that the API shows."""
        return ids.show(self.id)


class Membership(models.Model):
    """What a signed-in person may do in a workspace."""

    class Role(models.TextChoices):
        """Owner and admin manage budgets and keys; a viewer only reads."""

        OWNER = "owner", _("Owner")
        ADMIN = "admin", _("Admin")
        DEVELOPER = "developer", _("Developer")
        VIEWER = "viewer", _("Viewer")

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    role = models.CharField(max_length=12, choices=Role, default=Role.VIEWER)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "membership"
        db_table_comment = "What a signed-in person may do in a workspace."
        ordering: ClassVar = ["id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "user"], name="membership_once_per_workspace_uniq"
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=["owner", "admin", "developer", "viewer"]),
                name="membership_role_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} · {self.role}"


class ApiKey(models.Model):
    """Who may call for a workspace, and what; the bearer tokens are its secrets.

    Usage names its key for ever, so a key that was deleted stays as a row.
    """

    class PermissionMode(models.TextChoices):
        """What the key may do; `identities.rights` says it for each resource."""

        ALL = ALL, _("Everything")
        READ_ONLY = READ_ONLY, _("Read only, no calls")
        RESTRICTED = RESTRICTED, _("Restricted")

    class Status(models.TextChoices):
        """Where the key is in its life; an expired one is not told here."""

        ACTIVE = "active", _("Active")
        DISABLED = "disabled", _("Disabled")
        REVOKED = "revoked", _("Revoked")

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    name = models.CharField(max_length=120)
    token_prefix = models.CharField(max_length=48, editable=False)
    permission_mode = models.CharField(
        max_length=12, choices=PermissionMode, default=PermissionMode.ALL
    )
    access = models.JSONField(
        blank=True,
        default=dict,
        help_text=_("Of a restricted key: a level, read or write, by resource."),
    )
    bound_external_id = models.CharField(
        max_length=EXTERNAL_ID_COLUMN,
        blank=True,
        default="",
        help_text=_("Calls with this key belong to this identity, whatever they name."),
    )
    bound_prefix = models.CharField(
        max_length=EXTERNAL_ID_COLUMN,
        blank=True,
        default="",
        help_text=_("Calls must name an identity whose external_id begins with this."),
    )
    owner_external_id = models.CharField(
        max_length=EXTERNAL_ID_COLUMN,
        blank=True,
        default="",
        help_text=_("Calls that name nobody belong to this identity."),
    )
    project_id = models.CharField(
        max_length=PROJECT_ID_MAX,
        blank=True,
        default="",
        help_text=_("The project whose budgets calls with this key count against."),
    )
    expires_at = models.DateTimeField(null=True, blank=True)
    disabled_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "api_key"
        db_table_comment = "Who may call for a workspace, and what."
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(permission_mode__in=[ALL, READ_ONLY, RESTRICTED]),
                name="api_key_permission_mode_check",
            ),
            models.CheckConstraint(
                condition=models.Q(permission_mode=RESTRICTED) ^ models.Q(access={}),
                name="api_key_access_iff_restricted_check",
            ),
            models.CheckConstraint(
                condition=models.Q(bound_external_id="") | models.Q(bound_prefix=""),
                name="api_key_bound_once_check",
            ),
            models.CheckConstraint(
                condition=models.Q(deleted_at=None) | ~models.Q(revoked_at=None),
                name="api_key_deleted_is_revoked_check",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="api_key_list"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.token_prefix}…)"

    @property
    def public_id(self) -> str:
        """The 26 characters that the API shows."""
        return ids.show(self.id)

    @property
    def status(self) -> Status:
        """Revoked, which is for ever, before disabled, which is not."""
        if self.revoked_at is not None:
            return self.Status.REVOKED
        return self.Status.DISABLED if self.disabled_at else self.Status.ACTIVE

    @property
    def rights(self) -> Rights:
        """The level of every resource."""
        is_bound = bool(self.bound_external_id or self.bound_prefix)
        return read_rights(self.permission_mode, self.access, is_bound=is_bound)


class ApiKeySecret(models.Model):
    """A bearer token of a key, as its SHA-256; two while the key is being rotated.

    Rows stay when they have expired, so that a retired token is never issued again.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    api_key = models.ForeignKey(ApiKey, models.CASCADE, related_name="secrets")
    token_hash = models.BinaryField(max_length=32, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "api_key_secret"
        db_table_comment = "A bearer token of a key; only the SHA-256 of it is kept."
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["token_hash"], name="api_key_secret_token_hash_uniq"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.api_key_id} · {self.created_at}"


class IdentityQuerySet(models.QuerySet["Identity"]):
    """Reusable predicates; selectors chain them."""

    def in_workspace(self, workspace: Workspace) -> Self:
        """Only rows of one tenant; every query begins with this."""
        return self.filter(workspace=workspace)

    def tagged(self, *tags: str) -> Self:
        """Only rows that carry all of the tags."""
        return self.filter(tags__contains=list(tags)) if tags else self

    def tagged_any(self, *tags: str) -> Self:
        """Only rows that carry at least one of the tags; all rows without tags."""
        return self.filter(tags__overlap=list(tags)) if tags else self

    def matching(self, text: str) -> Self:
        """Rows whose external_id, name or e-mail contain the text, in any case."""
        return self.filter(
            models.Q(external_id__icontains=text)
            | models.Q(display_name__icontains=text)
            | models.Q(email__icontains=text)
        )


class Identity(models.Model):
    """A user, team, project or client that usage is attributed to."""

    class Source(models.TextChoices):
        """How the record came to be."""

        API = "api", _("API")
        STUDIO = "studio", _("Studio")
        CALL = "call", _("Call")

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    external_id = models.CharField(max_length=EXTERNAL_ID_COLUMN)
    display_name = models.CharField(max_length=255, blank=True, default="")
    email = models.CharField(max_length=320, blank=True, default="")
    avatar_url = models.CharField(max_length=2048, blank=True, default="")
    tags = ArrayField(models.CharField(max_length=120), blank=True, default=list)
    metadata = models.JSONField(blank=True, default=dict)
    source = models.CharField(max_length=8, choices=Source, default=Source.API)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    objects = IdentityQuerySet.as_manager()

    class Meta:
        db_table = "identity"
        db_table_comment = "Whom usage is attributed to: user, team, project, client."
        verbose_name_plural = "identities"
        ordering: ClassVar = ["-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "external_id"], name="identity_external_id_uniq"
            ),
            models.CheckConstraint(
                condition=models.Q(external_id__length__gte=1),
                name="identity_external_id_present_check",
            ),
            models.CheckConstraint(
                condition=models.Q(source__in=["api", "studio", "call"]),
                name="identity_source_check",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-id"], name="identity_list_newest"),
            models.Index(
                fields=["workspace", "-updated_at", "-id"], name="identity_list_updated"
            ),
            models.Index(
                fields=["workspace", "display_name", "id"], name="identity_list_name"
            ),
            GinIndex(fields=["tags"], name="identity_tags"),
        ]

    def __str__(self) -> str:
        return self.display_name or self.external_id

    @property
    def public_id(self) -> str:
        """The 26 characters that the API shows as `_id`."""
        return ids.show(self.id)
