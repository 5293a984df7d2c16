"""Budget bodies as they come in: checked, in our own words.

Nothing that the API has is accepted and ignored. Keys are snake_case; camelCase, as our
answers also carry it, is read as well.
"""

from __future__ import annotations

from metering.budget_input.body import read_budget_changes, read_new_budget
from metering.budget_input.fields import TimeZoneField

__all__ = ["TimeZoneField", "read_budget_changes", "read_new_budget"]
