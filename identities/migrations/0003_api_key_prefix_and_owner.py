from django.db import migrations, models


class Migration(migrations.Migration):
    """Whose calls a key makes: any below a prefix, or its owner unless another is named."""

    dependencies = [
        ("identities", "0002_api_key_rights"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="bound_prefix",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Calls must name an identity whose external_id begins with "
                "this.",
                max_length=255,
            ),
        ),
        migrations.AddField(
            model_name="apikey",
            name="owner_external_id",
            field=models.CharField(
                blank=True,
                default="",
                help_text="Calls that name nobody belong to this identity.",
                max_length=255,
            ),
        ),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(bound_external_id="") | models.Q(bound_prefix=""),
                name="api_key_bound_once_check",
            ),
        ),
    ]
