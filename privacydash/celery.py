"""The Celery application. Its messages are hints: all state is in the database."""

import os

from celery import Celery

from privacydash import redis_broker

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "privacydash.settings")

redis_broker.install()
app = Celery("privacydash")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
