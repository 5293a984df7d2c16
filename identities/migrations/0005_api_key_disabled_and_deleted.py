from django.db import migrations, models


class Migration(migrations.Migration):
    """A key can rest, and can be deleted while usage still names it."""

    dependencies = [
        ("identities", "0004_api_key_project"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="disabled_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddField(
            model_name="apikey",
            name="deleted_at",
            field=models.DateTimeField(blank=True, editable=False, null=True),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(deleted_at=None) | ~models.Q(revoked_at=None),
                name="api_key_deleted_is_revoked_check",
            ),
        ),
    ]
