"""What people see when something fails: what happened, what was kept, what to do."""

import sys

from django.db import DatabaseError, DataError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.csrf import requires_csrf_token
from django.views.defaults import bad_request
from django.views.defaults import server_error as default_server_error


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """The form did not come from our page, or cookies are blocked: nothing was changed."""
    return render(request, "403_csrf.html", status=403)


@requires_csrf_token
def server_error(request: HttpRequest) -> HttpResponse:
    """As Django's; but without the database it says 503, and that it may be back soon.

    What PostgreSQL cannot take, such as a NUL in an address, is a bad request.
    """
    error = sys.exc_info()[1]
    if isinstance(error, DataError):
        return bad_request(request, error)
    response = default_server_error(request)
    if isinstance(error, DatabaseError):
        response.status_code = 503
        response["Retry-After"] = "30"
    return response
