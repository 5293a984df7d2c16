"""Drop indexes that are the beginning of a longer one; add one for expressions.

The dropped ones cost every call a write, and in a database without statistics the
ledger's statements took them and filtered a whole workspace's budgets row by row.
"""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('identities', '0008_remove_api_key_token_hash'),
        ('metering', '0004_event_scopes'),
    ]

    operations = [
        migrations.AlterField(
            model_name='budget',
            name='workspace',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='identities.workspace'),
        ),
        migrations.AlterField(
            model_name='budgetrefusal',
            name='budget',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='metering.budget'),
        ),
        migrations.AlterField(
            model_name='budgetwindow',
            name='budget',
            field=models.ForeignKey(db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='metering.budget'),
        ),
        migrations.AlterField(
            model_name='hold',
            name='workspace',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='identities.workspace'),
        ),
        migrations.AlterField(
            model_name='usagedaily',
            name='workspace',
            field=models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='+', to='identities.workspace'),
        ),
        migrations.AddIndex(
            model_name='budget',
            index=models.Index(condition=models.Q(('scope_kind', 'match')), fields=['workspace'], name='budget_expressions'),
        ),
    ]
