from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DeskConfig(AppConfig):
    name = "desk"
    verbose_name = "Support and privacy office"

    def ready(self) -> None:
        from consent import my_data  # noqa: PLC0415
        from desk import needs  # noqa: F401, PLC0415 (registers them)
        from desk.my_data import held_about  # noqa: PLC0415
        from desk.roles import make_groups  # noqa: PLC0415 (it needs the models)

        my_data.more.append(held_about)
        # As the last of INSTALLED_APPS: the permissions of all others exist by then.
        post_migrate.connect(make_groups, sender=self)
