"""Budget, its window, holds, usage events and what prices and routes them.

`metering.ledger` is the only writer of budget_window, budget_refusal, hold,
usage_event and usage_daily; the models here describe those tables to readers.
"""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from django.core.validators import MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from identities.models import EXTERNAL_ID_COLUMN, Workspace
from orqstudio.lib import ids
from orqstudio.lib.money import USD_DIGITS, USD_PLACES


def usd_field(**options: object) -> models.DecimalField:
    """Return a column of exact US dollars, NUMERIC(20, 10)."""
    return models.DecimalField(
        max_digits=USD_DIGITS,
        decimal_places=USD_PLACES,
        **options,  # type: ignore[arg-type]
    )


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
    messages = models.JSONField(blank=True, default=list)
    parameters = models.JSONField(blank=True, default=dict)
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
    input_usd_per_mtok = usd_field(validators=[MinValueValidator(Decimal(0))])
    cached_input_usd_per_mtok = usd_field(
        null=True, blank=True, validators=[MinValueValidator(Decimal(0))]
    )
    output_usd_per_mtok = usd_field(validators=[MinValueValidator(Decimal(0))])
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
                condition=models.Q(input_usd_per_mtok__gte=0)
                & models.Q(output_usd_per_mtok__gte=0)
                & (
                    models.Q(cached_input_usd_per_mtok__isnull=True)
                    | models.Q(cached_input_usd_per_mtok__gte=0)
                ),
                name="model_price_not_negative_check",
            ),
            models.CheckConstraint(
                condition=models.Q(valid_until__isnull=True)
                | models.Q(valid_until__gt=models.F("valid_from")),
                name="model_price_span_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.provider_key}/{self.model}"


class Budget(models.Model):
    """A limit with a period and a scope; at most one per scope target."""

    class ScopeKind(models.TextChoices):
        """What the budget counts. Further kinds of the v2 API are refused so far."""

        WORKSPACE = "workspace", _("Workspace")
        IDENTITY = "identity", _("Identity")

    class Period(models.TextChoices):
        """How long until the spend starts again at zero."""

        DAILY = "daily", _("Daily")
        WEEKLY = "weekly", _("Weekly")
        MONTHLY = "monthly", _("Monthly")
        YEARLY = "yearly", _("Yearly")
        ONE_TIME = "one_time", _("One-time")

    class Mode(models.TextChoices):
        """How admission decides; see metering/admission.py."""

        HARD = "hard", _("Hard")
        STRICT = "strict", _("Strict")
        SHADOW = "shadow", _("Shadow")

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="+")
    scope_kind = models.CharField(max_length=12, choices=ScopeKind)
    scope_target = models.CharField(
        max_length=EXTERNAL_ID_COLUMN,
        blank=True,
        default="",
        help_text=_("The external_id of the identity; empty for the workspace."),
    )
    period = models.CharField(max_length=8, choices=Period)
    time_zone = models.CharField(max_length=64, default="UTC")
    week_starts_on = models.PositiveSmallIntegerField(
        default=1, help_text=_("ISO day of the week, Monday is 1.")
    )
    amount_usd = usd_field(null=True, blank=True)
    token_limit = models.BigIntegerField(null=True, blank=True)
    mode = models.CharField(max_length=6, choices=Mode, default=Mode.HARD)
    is_active = models.BooleanField(default=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    reset_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(db_default=Now(), editable=False)
    updated_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta:
        db_table = "budget"
        db_table_comment = "A limit with a period and a scope."
        ordering: ClassVar = ["-updated_at", "-id"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "scope_kind", "scope_target"],
                name="budget_one_per_scope_uniq",
            ),
            models.CheckConstraint(
                condition=models.Q(scope_kind="workspace", scope_target="")
                | (models.Q(scope_kind="identity") & ~models.Q(scope_target="")),
                name="budget_scope_check",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    period__in=["daily", "weekly", "monthly", "yearly", "one_time"]
                ),
                name="budget_period_check",
            ),
            models.CheckConstraint(
                condition=models.Q(mode__in=["hard", "strict", "shadow"]),
                name="budget_mode_check",
            ),
            models.CheckConstraint(
                condition=models.Q(week_starts_on__gte=1)
                & models.Q(week_starts_on__lte=7),
                name="budget_week_start_check",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_usd__isnull=True)
                | models.Q(amount_usd__gte=0),
                name="budget_amount_not_negative_check",
            ),
            models.CheckConstraint(
                condition=models.Q(token_limit__isnull=True)
                | models.Q(token_limit__gte=0),
                name="budget_tokens_not_negative_check",
            ),
            models.CheckConstraint(
                condition=models.Q(amount_usd__isnull=False)
                | models.Q(token_limit__isnull=False),
                name="budget_has_a_limit_check",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["workspace", "-updated_at", "-id"], name="budget_list_updated"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.scope_kind} {self.scope_target}".strip()

    @property
    def public_id(self) -> str:
        """The 26 characters that the API shows."""
        return ids.show(self.id)


class BudgetWindow(models.Model):
    """What one window of a budget has settled and holds: a cache of the ledger.

    Deleting rows changes no answer; the next use computes them anew.
    """

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    settled_usd = usd_field(default=0)
    settled_tokens = models.BigIntegerField(default=0)
    settled_requests = models.BigIntegerField(default=0)
    held_usd = usd_field(default=0)
    held_tokens = models.BigIntegerField(default=0)
    held_requests = models.BigIntegerField(default=0)
    waited_until = models.DateTimeField(null=True)

    class Meta:
        db_table = "budget_window"
        db_table_comment = "Cache: what one window of a budget has settled and holds."
        ordering: ClassVar = ["-starts_at"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["budget", "starts_at", "ends_at"], name="budget_window_uniq"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")),
                name="budget_window_span_check",
            ),
            models.CheckConstraint(
                condition=models.Q(settled_usd__gte=0)
                & models.Q(settled_tokens__gte=0)
                & models.Q(settled_requests__gte=0)
                & models.Q(held_usd__gte=0)
                & models.Q(held_tokens__gte=0)
                & models.Q(held_requests__gte=0),
                name="budget_window_not_negative_check",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M}"


class BudgetRefusal(models.Model):
    """How many calls a budget refused on a UTC day, by code."""

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="+")
    day = models.DateField()
    code = models.CharField(max_length=40)
    refusals = models.BigIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        db_table = "budget_refusal"
        db_table_comment = "How many calls a budget refused on a UTC day, by code."
        ordering: ClassVar = ["-day"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["budget", "day", "code"], name="budget_refusal_uniq"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day} {self.code}: {self.refusals}"


class Hold(models.Model):
    """A call under way: what is set aside for it, leased by its process."""

    id = models.UUIDField(primary_key=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False
    )
    occurred_at = models.DateTimeField()
    external_id = models.CharField(
        max_length=EXTERNAL_ID_COLUMN, blank=True, default=""
    )
    api_key_id = models.UUIDField(null=True)
    deployment_key = models.CharField(max_length=120, blank=True, default="")
    operation = models.CharField(max_length=24)
    provider_key = models.CharField(max_length=60)
    model = models.CharField(max_length=200)
    held_usd = usd_field(default=0)
    held_tokens = models.BigIntegerField(default=0)
    owner = models.CharField(max_length=80)
    expires_at = models.DateTimeField()

    class Meta:
        db_table = "hold"
        db_table_comment = "A call under way and the amount set aside for it."
        ordering: ClassVar = ["occurred_at"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(held_usd__gte=0) & models.Q(held_tokens__gte=0),
                name="hold_not_negative_check",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["expires_at"], name="hold_expired"),
            models.Index(fields=["workspace", "external_id"], name="hold_of_identity"),
        ]

    def __str__(self) -> str:
        return ids.show(self.id)


class UsageEvent(models.Model):
    """One metered call, immutable; the table is partitioned by month of occurred_at.

    Its database key is (workspace_id, occurred_at, id); Django sees `id` alone.
    Prompts and answers are never kept.
    """

    class Status(models.TextChoices):
        """A call's one outcome."""

        OK = "ok", _("OK")
        FAILED = "failed", _("Failed")
        LOST = "lost", _("Lost")

    id = models.UUIDField(primary_key=True, editable=False)
    workspace = models.ForeignKey(
        Workspace, models.DO_NOTHING, related_name="+", db_constraint=False
    )
    occurred_at = models.DateTimeField()
    settled_at = models.DateTimeField()
    external_id = models.CharField(max_length=EXTERNAL_ID_COLUMN)
    api_key_id = models.UUIDField(null=True)
    deployment_key = models.CharField(max_length=120)
    operation = models.CharField(max_length=24)
    provider_key = models.CharField(max_length=60)
    model = models.CharField(max_length=200)
    input_tokens = models.BigIntegerField()
    cached_tokens = models.BigIntegerField()
    output_tokens = models.BigIntegerField()
    reasoning_tokens = models.BigIntegerField()
    is_estimated = models.BooleanField()
    cost_usd = usd_field(null=True)
    price_source = models.CharField(max_length=80)
    status = models.CharField(max_length=8, choices=Status)
    http_status = models.PositiveSmallIntegerField()
    error_code = models.CharField(max_length=60)
    latency_ms = models.IntegerField()
    ttft_ms = models.IntegerField(null=True)
    source = models.CharField(max_length=12)
    idempotency_key = models.CharField(max_length=120, null=True)  # noqa: DJ001
    metadata = models.JSONField()

    class Meta:
        managed = False
        db_table = "usage_event"
        ordering: ClassVar = ["-occurred_at", "-id"]

    def __str__(self) -> str:
        return ids.show(self.id)


class UsageDaily(models.Model):
    """Sums of one identity's events on a UTC day, by provider and model."""

    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_constraint=False
    )
    external_id = models.CharField(
        max_length=EXTERNAL_ID_COLUMN, blank=True, default=""
    )
    day = models.DateField()
    provider_key = models.CharField(max_length=60)
    model = models.CharField(max_length=200)
    requests = models.BigIntegerField(default=0)
    errors = models.BigIntegerField(default=0)
    unpriced = models.BigIntegerField(default=0)
    input_tokens = models.BigIntegerField(default=0)
    cached_tokens = models.BigIntegerField(default=0)
    output_tokens = models.BigIntegerField(default=0)
    reasoning_tokens = models.BigIntegerField(default=0)
    cost_usd = usd_field(default=0)
    latency_ms = models.BigIntegerField(default=0)

    class Meta:
        db_table = "usage_daily"
        db_table_comment = "Sums of usage events by identity, UTC day, provider, model."
        verbose_name_plural = "usage daily"
        ordering: ClassVar = ["-day"]
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "external_id", "day", "provider_key", "model"],
                name="usage_daily_uniq",
            ),
            models.CheckConstraint(
                condition=models.Q(requests__gte=0)
                & models.Q(errors__gte=0)
                & models.Q(cost_usd__gte=0),
                name="usage_daily_not_negative_check",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["workspace", "day"], name="usage_daily_of_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.external_id} {self.day}"
