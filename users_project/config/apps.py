from django.contrib.admin import apps
from django.db.models.signals import post_migrate


class AdminConfig(apps.AdminConfig):
    default_site = "accounts.admin_site.AdminSite"

    def ready(self) -> None:
        from config.roles import grant

        super().ready()
        post_migrate.connect(grant, sender=self)
