"""Budget and what the ledger keeps of it: windows and refusals."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from identities.models import EXTERNAL_ID_COLUMN, Workspace
from metering.models.columns import usd_field
from orqstudio.lib import ids


class Budget(models.Model):
    """A limit with a period and a scope; at most one per scope target."""

    class ScopeKind(models.TextChoices):
        """What the budget counts; MATCH: the calls a CEL expression holds for."""

        WORKSPACE = "workspace", _("Workspace")
        PROJECT = "project", _("Project")
        IDENTITY = "identity", _("Identity")
        API_KEY = "api_key", _("API key")
        PROVIDER = "provider", _("Provider")
        MODEL = "model", _("Model")
        MATCH = "match", _("Expression")

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
    workspace = models.ForeignKey(
        Workspace, models.CASCADE, related_name="+", db_index=False
    )
    scope_kind = models.CharField(max_length=12, choices=ScopeKind)
    scope_target = models.CharField(
        max_length=EXTERNAL_ID_COLUMN,
        blank=True,
        default="",
        help_text=_(
            "external_id, project, API key id, provider, or provider/model; empty for "
            "the workspace, the budget's own id for an expression."
        ),
    )
    period = models.CharField(max_length=8, choices=Period)
    time_zone = models.CharField(max_length=64, default="UTC")
    week_starts_on = models.PositiveSmallIntegerField(
        default=1, help_text=_("ISO day of the week, Monday is 1.")
    )
    amount_usd = usd_field(null=True, blank=True)
    token_limit = models.BigIntegerField(null=True, blank=True)
    requests_per_minute = models.PositiveIntegerField(null=True, blank=True)
    match_cel = models.TextField(blank=True, default="")
    alerts = models.JSONField(blank=True, default=list)
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
                | (
                    models.Q(
                        scope_kind__in=[
                            "project",
                            "identity",
                            "api_key",
                            "provider",
                            "model",
                            "match",
                        ]
                    )
                    & ~models.Q(scope_target="")
                ),
                name="budget_scope_check",
            ),
            models.CheckConstraint(
                condition=models.Q(scope_kind="match") & ~models.Q(match_cel="")
                | ~models.Q(scope_kind="match") & models.Q(match_cel=""),
                name="budget_match_check",
            ),
            models.CheckConstraint(
                condition=models.Q(requests_per_minute__isnull=True)
                | models.Q(requests_per_minute__gte=1),
                name="budget_requests_positive_check",
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
                | models.Q(token_limit__isnull=False)
                | models.Q(requests_per_minute__isnull=False),
                name="budget_has_a_limit_check",
            ),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["workspace", "-updated_at", "-id"], name="budget_list_updated"
            ),
            # Every batch of the ledger asks for a workspace's expressions.
            models.Index(
                fields=["workspace"],
                condition=models.Q(scope_kind="match"),
                name="budget_expressions",
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

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="+", db_index=False)
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

    budget = models.ForeignKey(Budget, models.CASCADE, related_name="+", db_index=False)
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
