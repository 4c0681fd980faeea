"""Dates in Django admin as readers of English in Europe write them; members see accounts.cldr."""

DATE_FORMAT = "j F Y"
DATETIME_FORMAT = "j F Y, H:i"
