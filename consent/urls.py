from django.urls import path

from consent import views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("choose/", views.choose, name="choose"),
    path("confirmations/", views.confirmations, name="confirmations"),
    path("notice/", views.to_notice, name="notice"),
    path("<str:language>/notice/", views.notice_page, name="notice"),
    path("o/<str:token>/", views.object_by_link, name="object_by_link"),
]
