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
    """Neither an amount, nor a token limit, nor a rate would be left."""

    code = "budget_without_limit"
    sentence = _(
        "A budget needs at least one of limits.amount, limits.token_limit and "
        "rate_limit.requests_per_minute."
    )


class BudgetExpiresInPast(MeteringError):
    """An active budget must not have ended already."""

    code = "budget_expires_in_past"
    sentence = _("expires_at of an active budget must be in the future.")

    def __init__(self, expires_at: datetime) -> None:
        super().__init__(expires_at)
        self.expires_at = expires_at


class BudgetTargetInvalid(MeteringError):
    """The target of a scope has a form that no call could ever have."""

    code = "budget_target_invalid"

    def __init__(self, scope_kind: str, scope_target: str) -> None:
        super().__init__(scope_kind, scope_target)
        self.scope_kind = scope_kind
        self.scope_target = scope_target

    @property
    def sentence(self) -> object:  # type: ignore[override]
        """What a target of this kind must look like."""
        return _TARGET_SENTENCES[self.scope_kind]


_TARGET_SENTENCES = {
    "api_key": _("api_key_id must be the id of an API key of this workspace."),
    "provider": _("provider must be the key of a provider, such as openai."),
    "model": _("model_id must be provider/model, such as openai/gpt-4o."),
}


class PrivateModelUnsupported(MeteringError):
    """A model is named as of one workspace; calls cannot name it like that."""

    code = "private_model_unsupported"
    sentence = _(
        "model_id workspaceKey@provider/model is not supported: calls name their "
        "model as provider/model, and so must budgets."
    )


class ExpressionRefused(MeteringError):
    """An expression cannot be used; `reason` is a sentence that says why."""

    code = "expression_refused"
    sentence = "%(reason)s"

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ExpressionFixed(MeteringError):
    """A budget with a scope has the expression that follows from it."""

    code = "expression_fixed"
    sentence = _(
        "match can be changed only for a budget without a scope; that of a scope "
        "cannot change."
    )


class TooManyExpressions(MeteringError):
    """Every call is matched against each of them, hence a bound."""

    code = "too_many_expressions"
    sentence = _("A workspace may have at most %(most)s budgets with match.")

    def __init__(self, most: int) -> None:
        super().__init__(most)
        self.most = most


class AlertUnknown(MeteringError):
    """An alert is named by an id that the budget does not have."""

    code = "alert_unknown"
    sentence = _(
        "alerts: the budget has no alert with the id %(alert_id)s; leave id out to "
        "add one."
    )

    def __init__(self, alert_id: str) -> None:
        super().__init__(alert_id)
        self.alert_id = alert_id


class AlertWithoutLimit(MeteringError):
    """An alert is a share of a limit, which must be there."""

    code = "alert_without_limit"
    sentence = _("alerts: an alert on cost needs limits.amount.")


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
