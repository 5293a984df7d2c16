"""Hold, UsageEvent, UsageDaily: calls under way, calls ended, their daily sums."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from identities.models import EXTERNAL_ID_COLUMN, Workspace
from metering.models.columns import usd_field
from orqstudio.lib import ids


class Hold(models.Model):
    """A call under way: what is set aside for it, leased by its process."""

    id = models.UUIDField(primary_key=True, editable=False)
    workspace = models.ForeignKey(
        Workspace,
        models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
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
    project_id = models.CharField(max_length=120, blank=True, default="", db_default="")
    matched_budget_ids = ArrayField(
        models.UUIDField(), blank=True, default=list, db_default=[]
    )
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
    project_id = models.CharField(max_length=120, default="")
    matched_budget_ids = ArrayField(models.UUIDField(), default=list)
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
        Workspace,
        models.CASCADE,
        related_name="+",
        db_constraint=False,
        db_index=False,
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
