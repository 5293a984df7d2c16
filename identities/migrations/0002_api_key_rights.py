from django.db import migrations, models


class Migration(migrations.Migration):
    """What a key may do; the keys that exist keep all rights."""

    dependencies = [
        ("identities", "0001_initial"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="permission_mode",
            field=models.CharField(
                choices=[
                    ("all", "Everything"),
                    ("read_only", "Read only, no calls"),
                    ("restricted", "Restricted"),
                ],
                default="all",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="access",
            field=models.JSONField(
                blank=True,
                default=dict,
                help_text="Of a restricted key: a level, read or write, by resource.",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    permission_mode__in=["all", "read_only", "restricted"]
                ),
                name="api_key_permission_mode_check",
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(permission_mode="restricted") ^ models.Q(access={}),
                name="api_key_access_iff_restricted_check",
            ),
        ),
    ]
