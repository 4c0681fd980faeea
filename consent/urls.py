from django.urls import path
from django.views.generic import TemplateView

from consent import gpc, my_data_views, receipt_views, views

urlpatterns = [
    path("", views.dashboard, name="dashboard"),
    path("choose/", views.choose, name="choose"),
    path("confirmations/", views.confirmations, name="confirmations"),
    path("notice/", views.to_notice, name="notice"),
    path("<slug:language>/notice/", views.notice_page, name="notice"),
    path("<slug:language>/notice/<int:version>/", views.notice_version, name="notice_version"),
    path(
        "accessibility/",
        TemplateView.as_view(template_name="consent/accessibility.html"),
        name="accessibility",
    ),
    path("receipt/<int:revision>/", receipt_views.receipt, name="receipt"),
    path("receipt/<int:revision>.pdf", receipt_views.receipt_pdf, name="receipt_pdf"),
    path("receipt/<int:revision>.json", receipt_views.receipt_json, name="receipt_json"),
    path("verify/", receipt_views.verify, name="verify"),
    path(".well-known/gpc.json", gpc.support, name="gpc"),
    path(".well-known/jwks.json", receipt_views.jwks, name="jwks"),
    path("my-data/", my_data_views.my_data, name="my_data"),
    path("my-data/my-data.json", my_data_views.my_data_json, name="my_data_json"),
    path("my-data/my-data.html", my_data_views.my_data_html, name="my_data_html"),
    path("my-data/delete/", my_data_views.delete_my_data, name="delete_my_data"),
    path("o/<str:token>/", views.object_by_link, name="object_by_link"),
]
