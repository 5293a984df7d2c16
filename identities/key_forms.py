"""What people choose for a new API key; labels and help stand here once."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from identities.forms import StudioForm
from identities.models import EXTERNAL_ID_COLUMN, PROJECT_ID_MAX
from identities.rights import ALL, READ_ONLY, RESTRICTED, Resource

if TYPE_CHECKING:
    from datetime import datetime

    from django.forms import BoundField

CALLS_ONLY = "calls_only"
_RIGHTS = (
    (ALL, _("Everything")),
    (CALLS_ONLY, _("Metered calls only")),
    (READ_ONLY, _("Read only, no calls")),
    (RESTRICTED, _("Chosen by resource")),
)
_SPANS = (
    ("", _("Never")),
    ("7", _("After 7 days")),
    ("30", _("After 30 days")),
    ("90", _("After 90 days")),
    ("365", _("After a year")),
)
_NONE, _READ, _WRITE = ("", _("None")), ("read", _("Read")), ("write", _("Write"))
_LEVELS = {
    Resource.IDENTITIES: (_("Identities"), (_NONE, _READ, _WRITE)),
    Resource.BUDGETS: (_("Budgets"), (_NONE, _READ, _WRITE)),
    Resource.API_KEYS: (_("API keys"), (_NONE, _READ, _WRITE)),
    Resource.REPORTING: (_("Reporting"), (_NONE, _READ)),
    Resource.CALLS: (_("Metered calls"), (_NONE, ("write", _("Make calls")))),
}
_PREFIX = "access_"


class KeyForm(StudioForm):
    """A new API key."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("Where it will be used, so that you know it again."),
        widget=forms.TextInput(attrs={"placeholder": "Production backend"}),
    )
    rights = forms.ChoiceField(label=_("Rights"), choices=_RIGHTS, required=False)
    expires_in_days = forms.ChoiceField(
        label=_("Expires"), choices=_SPANS, required=False
    )
    bound_external_id = forms.CharField(
        label=_("Bound to identity"),
        required=False,
        max_length=EXTERNAL_ID_COLUMN,
        help_text=_(
            "An external ID: calls with this key count there, whatever they name."
        ),
    )
    bound_prefix = forms.CharField(
        label=_("Bound to a prefix"),
        required=False,
        max_length=EXTERNAL_ID_COLUMN,
        help_text=_("Calls must name an external ID that begins with this."),
        widget=forms.TextInput(attrs={"placeholder": "acme/"}),
    )
    owner_external_id = forms.CharField(
        label=_("Owner"),
        required=False,
        max_length=EXTERNAL_ID_COLUMN,
        help_text=_("An external ID: calls that name nobody count there."),
    )
    project_id = forms.CharField(
        label=_("Project"),
        required=False,
        max_length=PROJECT_ID_MAX,
        help_text=_("Calls also count against budgets of this project."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for resource, (label, choices) in _LEVELS.items():
            field = forms.ChoiceField(label=label, choices=choices, required=False)
            field.widget.attrs["class"] = "input"
            self.fields[f"{_PREFIX}{resource}"] = field

    @property
    def levels(self) -> list[BoundField]:
        """The fields of rights by resource."""
        return [self[f"{_PREFIX}{resource}"] for resource in Resource]

    @property
    def has_levels(self) -> bool:
        """Whether a right by resource was chosen, or was meant to be."""
        return any(field.value() for field in self.levels)

    @property
    def has_binding(self) -> bool:
        """Whether one of the fields about whose calls they are is filled or wrong."""
        names = ("bound_external_id", "bound_prefix", "owner_external_id", "project_id")
        return any(self[name].value() or self[name].errors for name in names)

    def clean(self) -> dict[str, Any]:
        """Refuse rights that would look granted and are not."""
        values: dict[str, Any] = super().clean() or {}
        chosen = any(values.get(f"{_PREFIX}{resource}") for resource in Resource)
        is_restricted = values.get("rights") == RESTRICTED
        if chosen and not is_restricted:
            raise ValidationError(_("Rights by resource need “Chosen by resource”."))
        if is_restricted and not chosen:
            raise ValidationError(_("Choose a right for at least one resource."))
        return values

    def facts(self, now: datetime) -> dict[str, Any]:
        """Return the keyword arguments of `issue_api_key` of a valid form.

        Args:
            now: aware; from when the days of the expiry count.
        """
        values = self.cleaned_data
        days = values["expires_in_days"]
        kept = ("name", "bound_external_id", "bound_prefix", "owner_external_id")
        return {
            **{name: values[name] for name in kept},
            "project_id": values["project_id"],
            "expires_at": now + timedelta(days=int(days)) if days else None,
            **self._rights(),
        }

    def _rights(self) -> dict[str, Any]:
        values = self.cleaned_data
        rights = values["rights"] or ALL
        if rights == CALLS_ONLY:
            return {"permission_mode": RESTRICTED, "access": {Resource.CALLS: "write"}}
        if rights != RESTRICTED:
            return {"permission_mode": rights}
        levels = {name: values[f"{_PREFIX}{name}"] for name in Resource}
        access = {name: level for name, level in levels.items() if level}
        return {"permission_mode": RESTRICTED, "access": access}
