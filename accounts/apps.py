from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "accounts"
    verbose_name = "Members"

    def ready(self) -> None:
        from accounts import checks, staff_sessions  # noqa: F401, PLC0415 (registers them)
