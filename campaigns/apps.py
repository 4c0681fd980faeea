from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    name = "campaigns"

    def ready(self) -> None:
        # Models are ready only now.
        from campaigns import checks, webhooks  # noqa: F401, PLC0415 (register themselves)
        from campaigns.my_data import held_about  # noqa: PLC0415
        from consent import my_data  # noqa: PLC0415

        my_data.more.append(held_about)
