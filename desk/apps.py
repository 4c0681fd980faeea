from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DeskConfig(AppConfig):
    name = "desk"
    verbose_name = "Support and privacy office"

    def ready(self) -> None:
        from desk import needs  # noqa: F401, PLC0415 (registers them)
        from desk.roles import make_groups  # noqa: PLC0415 (it needs the models)

        # As the last of INSTALLED_APPS: the permissions of all others exist by then.
        post_migrate.connect(make_groups, sender=self)
