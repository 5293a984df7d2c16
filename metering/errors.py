"""What can go wrong with budgets and reports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

from orqstudio.lib.errors import DomainError, Kind

if TYPE_CHECKING:
    from datetime import datetime


class MeteringError(DomainError):
    """Base of this app's errors."""


class BudgetNotFound(MeteringError):
    """No such budget in the caller's workspace; it may exist in another."""

    kind = Kind.NOT_FOUND
    code = "budget_not_found"
    sentence = _("No budget has this budget_id.")


class BudgetExists(MeteringError):
    """The scope has a budget; there is at most one per scope."""

    kind = Kind.CONFLICT
    code = "budget_exists"

    def __init__(self, scope_kind: str, scope_target: str) -> None:
        super().__init__(scope_kind, scope_target)
        self.scope_kind = scope_kind
        self.scope_target = scope_target

    @property
    def sentence(self) -> object:  # type: ignore[override]
        """The sentence of this scope."""
        if self.scope_kind == "workspace":
            return _("The workspace has a budget already.")
        return _("A budget for %(scope_kind)s %(scope_target)s exists already.")


class BudgetWithoutLimit(MeteringError):
    """Neither an amount nor a token limit would be left."""

    code = "budget_without_limit"
    sentence = _("A budget needs limits.amount, limits.token_limit, or both.")


class BudgetExpiresInPast(MeteringError):
    """An active budget must not have ended already."""

    code = "budget_expires_in_past"
    sentence = _("expires_at of an active budget must be in the future.")

    def __init__(self, expires_at: datetime) -> None:
        super().__init__(expires_at)
        self.expires_at = expires_at


class ReportTooSlow(MeteringError):
    """The database gave up on a report; asked the same again, it would again."""

    code = "report_too_slow"
    sentence = _(
        "The report takes longer than %(timeout_s)g seconds. Ask for a shorter range, "
        "fewer dimensions or less of the usage."
    )

    def __init__(self, timeout_s: float) -> None:
        super().__init__(timeout_s)
        self.timeout_s = timeout_s


class ReportsBusy(MeteringError):
    """As many reports as may run at once are being computed."""

    kind = Kind.UNAVAILABLE
    code = "reports_busy"
    sentence = _("Too many reports are being computed; try again in a moment.")
