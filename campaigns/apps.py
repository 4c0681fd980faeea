from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        from campaigns.my_data import held_about  # noqa: PLC0415 — models are ready only now
        from consent import my_data  # noqa: PLC0415

        my_data.more.append(held_about)
