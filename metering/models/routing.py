"""Provider, Deployment, ModelPrice: where calls go and what they cost."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from identities.models import Workspace
from metering.models.columns import usd_field
from orqstudio.lib import ids

PRICE_MOST = Decimal(1_000_000)
"""USD per million tokens; a call of a billion tokens still fits a column of dollars."""
_IN_RANGE = [MinValueValidator(Decimal(0)), MaxValueValidator(PRICE_MOST)]


def check_messages(value: object) -> None:
    """Refuse what is no list of messages.

    Raises:
        ValidationError: not a list of objects that each have a role.
    """
    messages = value if isinstance(value, list) else [None]
    if not all(
        isinstance(message, dict) and isinstance(message.get("role"), str)
        for message in messages
    ):
        raise ValidationError(_("Must be a list of objects with a role."))


def check_parameters(value: object) -> None:
    """Refuse what is no object.

    Raises:
        ValidationError: it is something else.
    """
    if not isinstance(value, dict):
        raise ValidationError(_("Must be an object."))


class Provider(models.Model):
    """An upstream that answers calls: the built-in echo or an OpenAI-compatible API."""

    class Kind(models.TextChoices):
        """Which adapter speaks to it."""

        ECHO = "echo", _("Built-in echo model")
        OPENAI = "openai", _("OpenAI-compatible HTTP API")

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    key = models.SlugField(max_length=60)
    kind = models.CharField(max_length=12, choices=Kind)
    base_url = models.URLField(
        max_length=500,
        blank=True,
        default="",
        help_text=_("Empty: OPENAI_BASE_URL of the environment."),
    )
    secret_env = models.CharField(
        max_length=120,
        blank=True,
        default="",
        help_text=_("Environment variable that holds the API key of the upstream."),
    )
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "provider"
        db_table_comment = "An upstream that answers calls."
        ordering: ClassVar = ["key"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "key"], name="provider_key_uniq"
            ),
            models.CheckConstraint(
                condition=models.Q(kind__in=["echo", "openai"]),
                name="provider_kind_check",
            ),
        ]

    def __str__(self) -> str:
        return self.key


class Deployment(models.Model):
    """A key behind which a provider, a model, messages and parameters stand."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    key = models.CharField(max_length=120)
    description = models.TextField(blank=True, default="")
    provider = models.ForeignKey(Provider, models.PROTECT, related_name="+")
    model = models.CharField(max_length=200)
    messages = models.JSONField(blank=True, default=list, validators=[check_messages])
    parameters = models.JSONField(
        blank=True, default=dict, validators=[check_parameters]
    )
    version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "deployment"
        db_table_comment = "Provider, model, messages and parameters behind a key."
        ordering: ClassVar = ["key"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "key"], name="deployment_key_uniq"
            ),
            models.CheckConstraint(
                condition=~models.Q(key=""), name="deployment_key_present_check"
            ),
        ]

    def __str__(self) -> str:
        return self.key


class ModelPrice(models.Model):
    """A workspace's own price of a model; wins over the catalogue while valid.

    Prices are US dollars per million tokens.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    provider_key = models.CharField(max_length=60)
    model = models.CharField(max_length=200)
    input_usd_per_mtok = usd_field(validators=_IN_RANGE)
    cached_input_usd_per_mtok = usd_field(null=True, blank=True, validators=_IN_RANGE)
    output_usd_per_mtok = usd_field(validators=_IN_RANGE)
    valid_from = models.DateTimeField(db_default=Now())
    valid_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "model_price"
        db_table_comment = "A workspace's own price of a model, USD per million tokens."
        ordering: ClassVar = ["provider_key", "model", "-valid_from"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "provider_key", "model", "valid_from"],
                name="model_price_once_per_start_uniq",
            ),
            models.CheckConstraint(
                condition=models.Q(input_usd_per_mtok__range=(0, PRICE_MOST))
                & models.Q(output_usd_per_mtok__range=(0, PRICE_MOST))
                & (
                    models.Q(cached_input_usd_per_mtok__isnull=True)
                    | models.Q(cached_input_usd_per_mtok__range=(0, PRICE_MOST))
                ),
                name="model_price_range_check",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
                name="model_price_span_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_key}/{self.model}"
