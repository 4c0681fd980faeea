from django.apps import AppConfig


class ConsentConfig(AppConfig):
    name = "consent"

    def ready(self) -> None:
        from consent import gpc, watching  # noqa: F401, PLC0415 — register themselves
