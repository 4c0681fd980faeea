from django.urls import path

from campaigns import api, views

urlpatterns = [
    path("o/<str:token>/seen/", views.seen, name="seen_by_link"),
    path("api/links/", api.links, name="api_links"),
    path("api/events/", api.events, name="api_events"),
    path("r/<str:token>/", views.reminders, name="reminders"),
]
