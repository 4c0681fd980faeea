"""A campaign's report in Django admin: as a page and as files; and whom it did not reach."""

from collections.abc import Callable, Iterator

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path

from campaigns.admin_pages import CampaignPages, who
from campaigns.lifecycle import CampaignError
from campaigns.report import DIGEST_NOTE, TEXTS_TITLE, Report, report_as_rows, report_on
from campaigns.report_pdf import report_as_pdf
from campaigns.spreadsheet import lines
from campaigns.unreached import COLUMNS, unreached

EXPORT = "campaigns.export_unreached"


class CampaignReports(CampaignPages):
    def get_urls(self) -> list[URLPattern]:
        def page(route: str, view: Callable[..., HttpResponseBase], name: str) -> URLPattern:
            url: URLPattern = path(route, self.admin_site.admin_view(view), name=name)
            return url

        return [
            page("<int:pk>/report/", self.report_view, "campaigns_report"),
            page("<int:pk>/report.pdf", self.report_pdf_view, "campaigns_report_pdf"),
            page("<int:pk>/report.csv", self.report_csv_view, "campaigns_report_csv"),
            page("<int:pk>/unreached.csv", self.unreached_view, "campaigns_unreached"),
            *super().get_urls(),
        ]

    def report_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        campaign = self.campaign_for(request, pk)

        def as_page(report: Report) -> HttpResponse:
            context = {
                "campaign": campaign,
                "report": report,
                "texts_title": TEXTS_TITLE,
                "digest_note": DIGEST_NOTE,
                "may_export": request.user.has_perm(EXPORT),
            }
            return self.render(request, "admin/campaigns/report.html", context, report.title)

        return self._report(request, pk, as_page)

    def report_pdf_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        def as_pdf(report: Report) -> HttpResponse:
            return _file(HttpResponse(report_as_pdf(report), "application/pdf"), pk, "report.pdf")

        return self._report(request, pk, as_pdf)

    def report_csv_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        def as_csv(report: Report) -> HttpResponse:
            rows = b"".join(lines(report_as_rows(report)))
            return _file(HttpResponse(rows, "text/csv; charset=utf-8"), pk, "report.csv")

        return self._report(request, pk, as_csv)

    def _report(
        self, request: HttpRequest, pk: int, render: Callable[[Report], HttpResponse]
    ) -> HttpResponse:
        campaign = self.campaign_for(request, pk)
        try:
            report = report_on(campaign, by=who(request))
        except CampaignError as error:
            messages.error(request, str(error))
            return redirect("admin:campaigns_standing", pk)
        return render(report)

    def unreached_view(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        """Streamed; a POST, since it leaves a line in the history."""
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        campaign = self.campaign_for(request, pk)
        if not request.user.has_perm(EXPORT):
            raise PermissionDenied
        if campaign.audience is None:
            messages.error(request, "It was not released: nobody was to be reached.")
            return redirect("admin:campaigns_standing", pk)
        campaign.history.create(kind="exported", by=who(request), reason="Who was not reached.")

        def rows() -> Iterator[tuple[str, ...]]:
            yield COLUMNS
            yield from unreached(campaign)

        body = StreamingHttpResponse(lines(rows()), content_type="text/csv; charset=utf-8")
        return _file(body, pk, "unreached.csv")


def _file[Response: HttpResponseBase](response: Response, pk: int, name: str) -> Response:
    response["Content-Disposition"] = f'attachment; filename="campaign-{pk}-{name}"'
    response["Cache-Control"] = "no-store"
    return response
