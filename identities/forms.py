"""What people type about identities; labels and help stand here once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from identities.models import EXTERNAL_ID_MAX

if TYPE_CHECKING:
    from identities.models import Identity

TAG_MAX = 120
TAGS_MAX = 50
METADATA_MAX = 65_536


class StudioForm(forms.Form):
    """Gives every text control the look of the house."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for field in self.fields.values():
            if not isinstance(field.widget, forms.CheckboxInput):
                field.widget.attrs.setdefault("class", "input")


class ProfileForm(StudioForm):
    """What may change about an identity; metadata is one JSON object."""

    display_name = forms.CharField(
        label=_("Display name"), max_length=255, required=False
    )
    email = forms.EmailField(label=_("Email"), max_length=320, required=False)
    avatar_url = forms.CharField(
        label=_("Avatar URL"),
        max_length=2048,
        required=False,
        help_text=_("Kept and given out by the API; this page loads no foreign image."),
        widget=forms.URLInput(attrs={"placeholder": "https://"}),
    )
    tags = forms.CharField(
        label=_("Tags"),
        required=False,
        help_text=_("Separated by commas."),
        widget=forms.TextInput(attrs={"placeholder": "premium, beta-user"}),
    )
    metadata = forms.CharField(
        label=_("Metadata"),
        required=False,
        max_length=METADATA_MAX,
        strip=True,
        help_text=_('A JSON object, such as {"department": "Engineering"}.'),
        widget=forms.Textarea(attrs={"rows": 3, "spellcheck": "false"}),
    )

    def clean_avatar_url(self) -> str:
        """Accept an absolute http(s) address or nothing."""
        text: str = self.cleaned_data["avatar_url"]
        if text and not _is_web_address(text):
            raise ValidationError(_("Begin with http:// or https://."))
        return text

    def clean_tags(self) -> list[str]:
        """Split at commas; drop empty and repeated ones."""
        parts = (part.strip() for part in self.cleaned_data["tags"].split(","))
        tags = list(dict.fromkeys(part for part in parts if part))
        if any(len(tag) > TAG_MAX for tag in tags):
            raise ValidationError(
                _("A tag has at most %(most)s characters."), params={"most": TAG_MAX}
            )
        if len(tags) > TAGS_MAX:
            raise ValidationError(
                _("There can be at most %(most)s tags."), params={"most": TAGS_MAX}
            )
        return tags

    def clean_metadata(self) -> dict[str, Any]:
        """Read a JSON object; nothing is the empty object."""
        text: str = self.cleaned_data["metadata"]
        if not text:
            return {}
        try:
            value = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            raise ValidationError(_("This is not valid JSON.")) from None
        if not isinstance(value, dict):
            raise ValidationError(_("This must be a JSON object: { ... }."))
        if "\\u0000" in json.dumps(value):
            raise ValidationError(_("Null characters cannot be kept."))
        return value


class IdentityForm(ProfileForm):
    """A new identity."""

    field_order = ("external_id",)

    external_id = forms.CharField(
        label=_("External ID"),
        max_length=EXTERNAL_ID_MAX,
        help_text=_("Your own stable ID, sent as X-ORQ-IDENTITY-ID. It never changes."),
        widget=forms.TextInput(
            attrs={
                "placeholder": "user_12345",
                "spellcheck": "false",
                "autofocus": True,
            }
        ),
    )


def profile_of(identity: Identity) -> dict[str, Any]:
    """Return the initial values of `ProfileForm` for a record."""
    metadata = identity.metadata
    return {
        "display_name": identity.display_name,
        "email": identity.email,
        "avatar_url": identity.avatar_url,
        "tags": ", ".join(identity.tags),
        "metadata": json.dumps(metadata, indent=2, ensure_ascii=False)
        if metadata
        else "",
    }


def _is_web_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.netloc)


def _refuse_constant(name: str) -> None:
    """NaN and Infinity are Python's, not JSON's."""
    raise ValueError(name)
