from django.db import migrations, models


class Migration(migrations.Migration):
    """Which project a key belongs to."""

    dependencies = [
        ("identities", "0003_api_key_prefix_and_owner"),
    ]

    operations = [
        migrations.AddField(
            model_name="apikey",
            name="project_id",
            field=models.CharField(
                blank=True,
                default="",
                help_text="The project whose budgets calls with this key count "
                "against.",
                max_length=120,
            ),
        ),
    ]
