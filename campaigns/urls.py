from django.urls import path

from campaigns import views

urlpatterns = [
    path("o/<str:token>/seen/", views.seen, name="seen_by_link"),
    path("r/<str:token>/", views.reminders, name="reminders"),
]
