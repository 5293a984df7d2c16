"""What people choose for a new budget: whose calls it limits, then its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from identities.models import EXTERNAL_ID_COLUMN, PROJECT_ID_MAX
from identities.selectors import kept_api_keys
from metering.forms import BudgetForm
from metering.models import Budget
from metering.selectors import list_providers

if TYPE_CHECKING:
    from identities.models import Workspace

_TARGETS = {
    kind: f"target_{kind}"
    for kind in ("identity", "project", "api_key", "provider", "model")
} | {"match": "match_cel"}
"""Kind of scope -> the field that says which one; the workspace needs none."""


class NewBudgetForm(BudgetForm):
    """A budget of any kind; of the targets only that of the chosen kind counts."""

    scope_kind = forms.ChoiceField(
        label=_("Limits"), choices=Budget.ScopeKind.choices, initial="identity"
    )
    target_identity = forms.CharField(
        label=_("External ID"),
        required=False,
        max_length=EXTERNAL_ID_COLUMN,
        help_text=_("A record of it need not exist yet."),
        widget=forms.TextInput(attrs={"placeholder": "user_12345"}),
    )
    target_project = forms.CharField(
        label=_("Project ID"),
        required=False,
        max_length=PROJECT_ID_MAX,
        help_text=_("The project of the API keys that make the calls."),
    )
    target_api_key = forms.ChoiceField(label=_("API key"), required=False)
    target_provider = forms.ChoiceField(label=_("Provider"), required=False)
    target_model = forms.CharField(
        label=_("Model"),
        required=False,
        max_length=EXTERNAL_ID_COLUMN,
        help_text=_("Written provider/model."),
        widget=forms.TextInput(attrs={"placeholder": "openai/gpt-4o"}),
    )

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, has_expression=True, **kwargs)
        keys = [(key.public_id, str(key)) for key in kept_api_keys(workspace)]
        providers = [(each.key, each.key) for each in list_providers(workspace)]
        for name, choices in (
            ("target_api_key", keys),
            ("target_provider", providers),
        ):
            nothing = ("", _("Choose one"))
            self.fields[name].choices = [nothing, *choices]  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Demand the target of the chosen kind."""
        values = super().clean() or {}
        name = _TARGETS.get(values.get("scope_kind", ""))
        if name and not self.has_error(name) and not values.get(name):
            missing = _("Say what the budget is for.")
            self.add_error(name, ValidationError(missing))
        return values

    @property
    def facts(self) -> dict[str, Any]:
        """Return the arguments of `create_budget`, workspace and now aside."""
        values = self.cleaned_data
        is_match = values["scope_kind"] == Budget.ScopeKind.MATCH
        target = values.get(_TARGETS.get(values["scope_kind"], ""), "")
        facts = {k: v for k, v in values.items() if k not in _TARGETS.values()}
        return {
            **facts,
            "scope_target": "" if is_match else target,
            "match_cel": values["match_cel"] if is_match else "",
        }
