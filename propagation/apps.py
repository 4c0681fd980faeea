from django.apps import AppConfig


class PropagationConfig(AppConfig):
    name = "propagation"

    def ready(self) -> None:
        from propagation import checks  # noqa: F401, PLC0415 — registers itself
