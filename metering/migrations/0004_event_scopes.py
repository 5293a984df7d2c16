"""usage_event: the project of a call, and the expressions that held for it."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

COLUMNS = """
ALTER TABLE usage_event
    ADD COLUMN project_id varchar(120) NOT NULL DEFAULT '',
    ADD COLUMN matched_budget_ids uuid[] NOT NULL DEFAULT '{}';
CREATE INDEX usage_event_matched ON usage_event USING gin (matched_budget_ids)
    WHERE matched_budget_ids <> '{}';
"""
BACK = """
DROP INDEX usage_event_matched;
ALTER TABLE usage_event DROP COLUMN project_id, DROP COLUMN matched_budget_ids;
"""


class Migration(migrations.Migration):
    """Columns of usage_event that budgets of further scopes count by."""

    dependencies: ClassVar = [("metering", "0003_budget_scopes")]

    operations: ClassVar = [migrations.RunSQL(COLUMNS, BACK)]
